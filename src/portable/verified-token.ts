import type { ClaimsObject } from './claims.ts'
import type { AccessToken } from './token-payload.ts'
import { type VerifiedSession, verifiedSession } from './verified-session.ts'

/** The fields that are checked again each time the token is presented. */
type RecheckedFields = Pick<
  AccessToken,
  | 'header'
  | 'sessionId'
  | 'version'
  | 'issuedAt'
  | 'expiresAt'
  | 'contextTag'
  | 'actor'
  | 'actorVersion'
  | 'ancestors'
>

/** An access token that was verified once, as the cache keeps it. */
export interface VerifiedToken extends RecheckedFields {
  readonly session: VerifiedSession<never>
  /** The last address and user agent that matched those the token was issued to. */
  lastContext: { readonly ip?: string | undefined; readonly userAgent?: string | undefined } | null
  /** Until this time, in ms, the token is valid unless a newer revision says otherwise. */
  validUntil: number
  /** The revision of keys and revocations at the last check. */
  checkedAtRevision: number
}

/** The twin is left out. It is needed once, and would make a cache entry half as large again. */
export function toVerifiedToken(token: AccessToken, claims: ClaimsObject, stale: boolean): VerifiedToken {
  const { header, sessionId, version, issuedAt, expiresAt, contextTag, actor, actorVersion, ancestors } =
    token
  const session = verifiedSession(token, { claims, parentId: ancestors[0] ?? null, stale })
  return {
    header,
    sessionId,
    version,
    issuedAt,
    expiresAt,
    contextTag,
    actor,
    actorVersion,
    ancestors,
    session: session as VerifiedSession<never>,
    lastContext: null,
    validUntil: 0,
    checkedAtRevision: -1,
  }
}
