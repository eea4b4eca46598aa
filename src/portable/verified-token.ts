import type { AccessToken } from './token-payload.ts'
import { type VerifiedSession, verifiedSession } from './verified-session.ts'

/** What of an access token has to be checked each time it comes again. */
type Lasting = Pick<AccessToken, 'header' | 'sessionId' | 'version' | 'issuedAt' | 'expiresAt' | 'contextTag'>

/** An access token that was checked once, as the cache keeps it. */
export interface Seen extends Lasting {
  readonly verified: VerifiedSession<never>
  /** Where it came from last, when that was where it was issued to. */
  known: { readonly ip?: string | undefined; readonly userAgent?: string | undefined } | null
  /** Until then, in ms, only what was not yet known with `asOf` can make it a bad one. */
  goodUntil: number
  /** How much was known when it was looked at last. */
  asOf: number
}

/** Without its twin, which is looked at once and would take half as much again. */
export function seenOf(token: AccessToken): Seen {
  const { header, sessionId, version, issuedAt, expiresAt, contextTag } = token
  const verified = verifiedSession(token) as VerifiedSession<never>
  return {
    header,
    sessionId,
    version,
    issuedAt,
    expiresAt,
    contextTag,
    verified,
    known: null,
    goodUntil: 0,
    asOf: -1,
  }
}
