import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { isSessionsError } from '../portable/errors.ts'
import type { Engine } from './engine.ts'
import type { Refreshed } from './refresh/refresh.ts'
import type { RefreshContext } from './request-context.ts'
import { createRevocationSnapshots, type RevocationSnapshot } from './revocation/revocation-snapshot.ts'
import { idleExpiry } from './session/lifetime.ts'
import { parseAccessToken } from './tokens/access-token.ts'
import { type IssuedToken, issueAccessToken } from './tokens/issue.ts'
import { parseRefreshToken } from './tokens/refresh-token.ts'

/** Where the HTTP layer finds what the public API does not offer. */
export const internals: unique symbol = Symbol('pawl.internals')

/** What the HTTP layer needs besides the public API. Not for applications. */
export interface Internals {
  now(): number
  /** Writes to the log what an operator has to put right. */
  warn(message: string): void
  /** Half the overlap: an answer that takes longer counts as lost. Milliseconds. */
  readonly answerWithin: number
  /** Whether every request reads its session's row. */
  readonly lookup: boolean
  /** Whether access tokens have public keys worth serving. */
  readonly publishesKeys: boolean
  /** What to tell other services of revocations; null where this process does not hear of them itself. */
  readonly revocationSnapshot: (() => RevocationSnapshot) | null
  refresh(value: string, context: RefreshContext | undefined): Promise<Refreshed>
  /**
   * A second access token for use by server code inside the request that refreshed: it is no evidence
   * that the client received anything, so it carries no `gen` and lives for the overlap only.
   */
  forwardable(refreshed: Refreshed): Promise<IssuedToken>
  /** What a genuine refresh token says, by its MAC alone; null for any other text. */
  inspectRefreshToken(value: string): { sessionId: string; generation: number; issuedAt: number } | null
  /** Whether another secret or a newer release may have minted it: then it is "later", not "no". */
  isOfUnknownSecret(value: string): boolean
  /** What a genuine access token says, however old; null for any other text. */
  inspectAccessToken(value: string): { sessionId: string; issuedAt: number; expiresAt: number } | null
  /** When the refresh token of this refresh expires, whether it is new or the presented one. */
  refreshExpiry(refreshed: Refreshed): Date
  csrfToken(sessionId: string): string
  checkCsrfToken(sessionId: string, token: unknown): boolean
}

const CSRF_NONCE_BYTES = 12

export function createInternals(engine: Engine, refresh: Internals['refresh']): Internals {
  const { options, clock, ring } = engine
  const { secrets, accessToken: profile } = options

  /** Signed double submit, bound to the session (OWASP CSRF cheat sheet); each part has a fixed length. */
  const csrfMac = (secret: (typeof secrets)[number], sessionId: string, nonce: string): Buffer =>
    createHmac('sha256', secret.csrf).update(`${sessionId}.${nonce}`).digest()

  return {
    now: clock.now,
    warn: (message) => options.logger.warn({}, message),
    answerWithin: options.decideWithin,
    lookup: options.revocation.mode === 'lookup',
    get publishesKeys() {
      return ring.jwks().keys.length > 0
    },
    revocationSnapshot: options.revocation.mode === 'expiry' ? null : createRevocationSnapshots(engine),
    refresh,
    forwardable: ({ row, accessToken }) =>
      issueAccessToken(engine, row, {
        generation: row.generation,
        twin: null,
        now: clock.now(),
        context: null,
        atMost: Math.min(options.rotation.overlap || 1000, accessToken.expiresAt.getTime() - clock.now()),
      }),
    inspectRefreshToken(value) {
      try {
        return parseRefreshToken(secrets, value)
      } catch (error) {
        if (isSessionsError(error)) return null
        throw error
      }
    },
    isOfUnknownSecret(value) {
      try {
        parseRefreshToken(secrets, value)
        return false
      } catch (error) {
        return isSessionsError(error) && error.code === 'ERR_SECRET_UNKNOWN'
      }
    },
    inspectAccessToken(value) {
      try {
        return parseAccessToken(value, ring, profile)
      } catch (error) {
        if (isSessionsError(error)) return null
        throw error
      }
    },
    refreshExpiry: ({ row, refreshToken }) =>
      refreshToken?.expiresAt ?? new Date(idleExpiry(engine, row, clock.now())),
    csrfToken(sessionId) {
      const nonce = randomBytes(CSRF_NONCE_BYTES).toString('base64url')
      return `${nonce}.${csrfMac(secrets[0], sessionId, nonce).toString('base64url')}`
    },
    checkCsrfToken(sessionId, token) {
      if (typeof token !== 'string' || !/^[\w-]{16}\.[\w-]{43}$/.test(token)) return false
      const mac = Buffer.from(token.slice(17), 'base64url')
      return secrets.some((secret) => timingSafeEqual(mac, csrfMac(secret, sessionId, token.slice(0, 16))))
    },
  }
}
