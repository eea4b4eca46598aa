import type { DeviceKind } from './device-kind.ts'
import type { EndReason } from './end-reason.ts'

/** The `code` of a {@link SessionsError}. Codes are stable; messages are not. */
export type SessionsErrorCode = AnySessionsError['code']

interface ErrorOptionsWithCause {
  readonly cause?: unknown
}

/** The same in every copy of the package: a bundler may load one for a proxy and one for a route. */
const IS_SESSIONS_ERROR = Symbol.for('pawl.error')

/**
 * The base class of the errors that Pawl throws. Switch on `code`. No message contains a token, a key or a cookie.
 * For a mistake in the calling code, a wrong type for example, Pawl throws a `TypeError`.
 */
export class SessionsError extends Error {
  /** The stable code of the error. */
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptionsWithCause) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

// Not in a static block, which Metro does not bundle.
Object.defineProperty(SessionsError.prototype, IS_SESSIONS_ERROR, { value: true })

/** The request has no session. HTTP: 401 `not_signed_in`. */
export class NotSignedInError extends SessionsError {
  declare readonly code: 'ERR_NOT_SIGNED_IN'
  constructor() {
    super('ERR_NOT_SIGNED_IN', 'the request has no session')
  }
}

/** The access token is genuine, but Pawl no longer accepts it: the client must refresh. HTTP: 401 `access_token_expired`. */
export class AccessTokenExpiredError extends SessionsError {
  declare readonly code: 'ERR_ACCESS_TOKEN_EXPIRED'
  /**
   * Why Pawl no longer accepts the token.
   *
   * - `expired`: its lifetime has passed.
   * - `superseded`: the session has changed, by new claims, a reauthentication or `expireAccessTokens`. Or its parent session
   *   or the acting session has ended, the schema `claims` refuses its claims, or the list of revocations was full.
   * - `context`: the token was used from another address or user agent (`accessToken.onContextChange: 'refresh'`).
   */
  readonly reason: 'expired' | 'superseded' | 'context'
  constructor(reason: 'expired' | 'superseded' | 'context') {
    super('ERR_ACCESS_TOKEN_EXPIRED', `the access token is no longer accepted (${reason})`)
    this.reason = reason
  }
}

/**
 * The text is not an access token of this installation, or its key is retired: the client must refresh. HTTP: 401
 * `access_token_invalid`.
 */
export class AccessTokenInvalidError extends SessionsError {
  declare readonly code: 'ERR_ACCESS_TOKEN_INVALID'
  constructor(message = 'the access token is not valid') {
    super('ERR_ACCESS_TOKEN_INVALID', message)
  }
}

/** The session has ended or expired. HTTP: 401 `session_ended`, or `session_replaced` after a new login. */
export class SessionEndedError extends SessionsError {
  declare readonly code: 'ERR_SESSION_ENDED'
  /** The id of the session. */
  readonly sessionId: string
  /** Why the session ended; `unknown` without a row, `other` for a reason that this release has no name for. */
  readonly reason: EndReason | 'unknown'
  constructor(sessionId: string, reason: EndReason | 'unknown') {
    super('ERR_SESSION_ENDED', `the session has ended (${reason})`)
    this.sessionId = sessionId
    this.reason = reason
  }
}

/**
 * A schema of `createSessions` refuses the stored claims or data of the session (`onSchemaMismatch: 'reject'`): the user
 * must sign in again. Pawl has changed nothing. The session continues if a later deployment accepts the stored values.
 * `cause` is the error of the schema. HTTP: 401 `session_outdated`; the cookies stay.
 */
export class SessionOutdatedError extends SessionsError {
  declare readonly code: 'ERR_SESSION_OUTDATED'
  /** The id of the session. */
  readonly sessionId: string
  /** The place of the value that the schema refuses: `claims.tenant`. */
  readonly path: string
  constructor(sessionId: string, path: string, options?: ErrorOptionsWithCause) {
    super('ERR_SESSION_OUTDATED', `the stored \`${path}\` of the session does not match its schema`, options)
    this.sessionId = sessionId
    this.path = path
  }
}

/** The text is not a refresh token of this installation. HTTP: 401 `refresh_token_invalid`. */
export class RefreshTokenInvalidError extends SessionsError {
  declare readonly code: 'ERR_REFRESH_TOKEN_INVALID'
  constructor() {
    super('ERR_REFRESH_TOKEN_INVALID', 'the refresh token is not valid')
  }
}

/**
 * A superseded refresh token was used again, so two parties hold tokens of the session and one may be a thief. Pawl
 * has ended the session (RFC 9700 section 4.14.2). HTTP: 401 `refresh_token_reused`.
 */
export class RefreshTokenReusedError extends SessionsError {
  declare readonly code: 'ERR_REFRESH_TOKEN_REUSED'
  /** The id of the session. */
  readonly sessionId: string
  /** The id of its user. */
  readonly userId: string
  constructor(sessionId: string, userId: string) {
    super('ERR_REFRESH_TOKEN_REUSED', 'a superseded refresh token was used again; the session was ended')
    this.sessionId = sessionId
    this.userId = userId
  }
}

/** The user authenticated too long ago for this action. HTTP: 403 `recent_auth_required`. */
export class RecentAuthRequiredError extends SessionsError {
  declare readonly code: 'ERR_RECENT_AUTH_REQUIRED'
  /** The highest accepted age of the authentication, in seconds. */
  readonly maxAge: number
  constructor(maxAge: number) {
    super('ERR_RECENT_AUTH_REQUIRED', `the action requires an authentication within the last ${maxAge} s`)
    this.maxAge = maxAge
  }
}

/** The action is not available to an administrator who acts as the user. HTTP: 403 `acting_refused`. */
export class ActingRefusedError extends SessionsError {
  declare readonly code: 'ERR_ACTING_REFUSED'
  constructor() {
    super('ERR_ACTING_REFUSED', 'not available while acting as another user; call `stopActing` first')
  }
}

/**
 * The refresh or request of a bound session came without a valid proof by its device (docs/understand/device-binding.md).
 * Its tokens are copied, or the client has lost its key. Pawl has changed nothing. HTTP: 401 `device_proof_required`; the
 * cookies stay.
 */
export class DeviceProofRequiredError extends SessionsError {
  declare readonly code: 'ERR_DEVICE_PROOF_REQUIRED'
  /** The challenge that the next proof of a refresh must sign (the `nonce` of RFC 9449); `null` without one. */
  readonly challenge: string | null
  /** How the device proves itself; `null` if Pawl does not know it. */
  readonly kind: DeviceKind | null
  /** `refresh`: a refresh needs the proof. `request`: the route or the verifier requires a proof with every request. */
  readonly requiredFor: 'refresh' | 'request'
  constructor(
    challenge: string | null = null,
    kind: DeviceKind | null = null,
    requiredFor: 'refresh' | 'request' = 'refresh',
  ) {
    super('ERR_DEVICE_PROOF_REQUIRED', 'the session is bound to a device, which has not proved itself')
    this.challenge = challenge
    this.kind = kind
    this.requiredFor = requiredFor
  }
}

/** The route serves only sessions that are bound to a device. HTTP: 403 `device_required`. */
export class DeviceRequiredError extends SessionsError {
  declare readonly code: 'ERR_DEVICE_REQUIRED'
  constructor() {
    super('ERR_DEVICE_REQUIRED', 'the action requires a session that is bound to a device')
  }
}

/** The session is already bound to another key. HTTP: 403 `device_mismatch`. */
export class DeviceMismatchError extends SessionsError {
  declare readonly code: 'ERR_DEVICE_MISMATCH'
  constructor() {
    super('ERR_DEVICE_MISMATCH', 'the session is bound to another key')
  }
}

/** The user has reached `limits.sessionsPerUser`. HTTP: 403 `session_limit`. */
export class SessionLimitError extends SessionsError {
  declare readonly code: 'ERR_SESSION_LIMIT'
  /** The id of the user. */
  readonly userId: string
  constructor(userId: string) {
    super('ERR_SESSION_LIMIT', 'the user has reached the limit of sessions (`limits.sessionsPerUser`)')
    this.userId = userId
  }
}

/**
 * A handoff was refused (docs/guides/handoff.md): the code signs nobody in, or Pawl makes none. No session has changed. The
 * user needs a new code. HTTP: 403 `handoff_refused`.
 */
export class HandoffRefusedError extends SessionsError {
  declare readonly code: 'ERR_HANDOFF_REFUSED'
  /**
   * Why the handoff was refused.
   *
   * - `invalid`: the text is not a code of this installation.
   * - `expired`: the code is older than a minute.
   * - `origin`: the code is for another origin than that of the request.
   * - `challenge`: the verifier is missing or does not match the challenge; or the challenge is not of the form `S256` (RFC
   *   7636 section 4.2).
   * - `used`: the code has already created a session.
   * - `ended`: the session that made the code has ended, or its tokens have been replaced since.
   * - `depth`: the session that asks for a code already ends with four others.
   */
  readonly reason: 'invalid' | 'expired' | 'origin' | 'challenge' | 'used' | 'ended' | 'depth'
  constructor(reason: HandoffRefusedError['reason']) {
    super('ERR_HANDOFF_REFUSED', `the handoff is refused (${reason})`)
    this.reason = reason
  }
}

/** The CSRF protection refused the request. HTTP: 403 `csrf_rejected`. */
export class CsrfRejectedError extends SessionsError {
  declare readonly code: 'ERR_CSRF_REJECTED'
  /** The check that refused the request. */
  readonly check: 'sec-fetch-site' | 'origin' | 'token'
  constructor(check: 'sec-fetch-site' | 'origin' | 'token') {
    super('ERR_CSRF_REJECTED', `the CSRF protection refused the request (check: ${check})`)
    this.check = check
  }
}

/**
 * Pawl could not decide in time, a limit refused the refresh, or a function of the application failed: a schema or a key
 * service. The session is unchanged: retry. HTTP: 503 `try_again`.
 */
export class TryAgainError extends SessionsError {
  declare readonly code: 'ERR_TRY_AGAIN'
  /** How long to wait before a retry, in seconds: 1 unless a limit takes longer. */
  readonly retryAfter: number
  constructor(
    retryAfter = 1,
    message = 'the request could not be decided in time; try again',
    options?: ErrorOptionsWithCause,
  ) {
    super('ERR_TRY_AGAIN', message, options)
    this.retryAfter = retryAfter
  }
}

/**
 * The store cannot be reached, is read-only, or the feed is stale (`revocation.onStale: 'refuse'`). Sessions are unchanged:
 * retry. HTTP: 503 `unavailable`.
 */
export class StoreUnavailableError extends SessionsError {
  declare readonly code: 'ERR_STORE_UNAVAILABLE'
  /** How long to wait before a retry, in seconds. */
  readonly retryAfter: number = 5
  constructor(message: string, options?: ErrorOptionsWithCause) {
    super('ERR_STORE_UNAVAILABLE', message, options)
  }
}

/**
 * The token was made with a secret that this process does not have, by a later release, or for another database. This is
 * normal during a deployment. HTTP: 503 `unavailable`; the cookies stay. At the start it means that `secret` decrypts none
 * of the signing keys.
 */
export class SecretUnknownError extends SessionsError {
  declare readonly code: 'ERR_SECRET_UNKNOWN'
  /** How long to wait before a retry, in seconds. */
  readonly retryAfter: number = 30
  constructor(message = 'the token was made with a secret that this process does not have') {
    super('ERR_SECRET_UNKNOWN', message)
  }
}

/** The database schema does not match this release of Pawl, or the role of the connection lacks rights. Thrown at the start. */
export class SchemaOutdatedError extends SessionsError {
  declare readonly code: 'ERR_SCHEMA_OUTDATED'
  constructor(message: string) {
    super('ERR_SCHEMA_OUTDATED', message)
  }
}

/**
 * An option is invalid. Whoever takes the option throws it: `createSessions`, an adapter, `requireSession`, or a login with
 * an invalid timeout. The message names the option and the accepted values.
 */
export class InvalidOptionsError extends SessionsError {
  declare readonly code: 'ERR_INVALID_OPTIONS'
  /** The path of the option: `cookies.domain`. */
  readonly option: string
  constructor(option: string, message: string, options?: ErrorOptionsWithCause) {
    super('ERR_INVALID_OPTIONS', message, options)
    this.option = option
  }
}

/** Any error of Pawl, discriminated by `code`. */
export type AnySessionsError =
  | NotSignedInError
  | AccessTokenExpiredError
  | AccessTokenInvalidError
  | SessionEndedError
  | SessionOutdatedError
  | RefreshTokenInvalidError
  | RefreshTokenReusedError
  | RecentAuthRequiredError
  | ActingRefusedError
  | DeviceProofRequiredError
  | DeviceRequiredError
  | DeviceMismatchError
  | SessionLimitError
  | HandoffRefusedError
  | CsrfRejectedError
  | TryAgainError
  | StoreUnavailableError
  | SecretUnknownError
  | SchemaOutdatedError
  | InvalidOptionsError

/**
 * Tells whether a value is an error of Pawl, and narrows it to {@link AnySessionsError}. It also recognizes the errors of
 * another copy of the package.
 */
export function isSessionsError(error: unknown): error is AnySessionsError {
  return error instanceof Error && IS_SESSIONS_ERROR in error
}
