import type { EndReason } from './end-reason.ts'

/** Every `code` a {@link SessionsError} can carry. The codes are stable; messages are not. */
export type SessionsErrorCode = AnySessionsError['code']

interface ErrorOptionsWithCause {
  readonly cause?: unknown
}

/**
 * Base of all errors Pawl throws on purpose. Switch on `code`. No message ever contains a token, a
 * key or a cookie. Mistakes in calling code (a wrong type, a reserved claim name) are plain
 * `TypeError`s instead.
 */
export class SessionsError extends Error {
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptionsWithCause) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** The request names no session at all. HTTP: 401 `not_signed_in`. */
export class NotSignedInError extends SessionsError {
  declare readonly code: 'ERR_NOT_SIGNED_IN'
  constructor() {
    super('ERR_NOT_SIGNED_IN', 'the request carries no session')
  }
}

/** The access token is genuine but over. HTTP: 401 `access_token_expired`, refresh. */
export class AccessTokenExpiredError extends SessionsError {
  declare readonly code: 'ERR_ACCESS_TOKEN_EXPIRED'
  /**
   * `expired`: its time is up; `superseded`: the session's claims or authentication changed since, or it
   * was told to refresh; `context`: it comes from another address or user agent (`accessToken.onContextChange: 'refresh'`).
   */
  readonly reason: 'expired' | 'superseded' | 'context'
  constructor(reason: 'expired' | 'superseded' | 'context') {
    super('ERR_ACCESS_TOKEN_EXPIRED', `the access token is over (${reason})`)
    this.reason = reason
  }
}

/** Not an access token of ours, or one no live key verifies. HTTP: 401 `access_token_invalid`, refresh. */
export class AccessTokenInvalidError extends SessionsError {
  declare readonly code: 'ERR_ACCESS_TOKEN_INVALID'
  constructor(message = 'the access token is not valid') {
    super('ERR_ACCESS_TOKEN_INVALID', message)
  }
}

/** The session is over. HTTP: 401 `session_ended`, or `session_replaced` where a new login took its place. */
export class SessionEndedError extends SessionsError {
  declare readonly code: 'ERR_SESSION_ENDED'
  readonly sessionId: string
  /** Why it ended; `unknown` when the row is gone. */
  readonly reason: EndReason | 'unknown'
  constructor(sessionId: string, reason: EndReason | 'unknown') {
    super('ERR_SESSION_ENDED', `the session has ended (${reason})`)
    this.sessionId = sessionId
    this.reason = reason
  }
}

/** Not a refresh token of ours. HTTP: 401 `refresh_token_invalid`. */
export class RefreshTokenInvalidError extends SessionsError {
  declare readonly code: 'ERR_REFRESH_TOKEN_INVALID'
  constructor() {
    super('ERR_REFRESH_TOKEN_INVALID', 'the refresh token is not valid')
  }
}

/**
 * A superseded refresh token came back: two holders have both moved on, so one of them is a thief.
 * The session is over (RFC 9700 section 4.14.2). HTTP: 401 `refresh_token_reused`.
 */
export class RefreshTokenReusedError extends SessionsError {
  declare readonly code: 'ERR_REFRESH_TOKEN_REUSED'
  readonly sessionId: string
  readonly userId: string
  constructor(sessionId: string, userId: string) {
    super('ERR_REFRESH_TOKEN_REUSED', 'a superseded refresh token was used again; the session was ended')
    this.sessionId = sessionId
    this.userId = userId
  }
}

/** The user signed in too long ago for this action. HTTP: 403 `recent_auth_required`. */
export class RecentAuthRequiredError extends SessionsError {
  declare readonly code: 'ERR_RECENT_AUTH_REQUIRED'
  /** The oldest accepted authentication, in seconds. */
  readonly maxAge: number
  constructor(maxAge: number) {
    super('ERR_RECENT_AUTH_REQUIRED', `this needs an authentication at most ${maxAge} s old`)
    this.maxAge = maxAge
  }
}

/** The user has as many sessions as `limits.sessionsPerUser` allows. HTTP: 403 `session_limit`. */
export class SessionLimitError extends SessionsError {
  declare readonly code: 'ERR_SESSION_LIMIT'
  readonly userId: string
  constructor(userId: string) {
    super('ERR_SESSION_LIMIT', 'the user has as many sessions as are allowed')
    this.userId = userId
  }
}

/** The request came from another site. HTTP: 403 `csrf_rejected`. */
export class CsrfRejectedError extends SessionsError {
  declare readonly code: 'ERR_CSRF_REJECTED'
  /** Which check refused it. */
  readonly check: 'sec-fetch-site' | 'origin' | 'token'
  constructor(check: 'sec-fetch-site' | 'origin' | 'token') {
    super('ERR_CSRF_REJECTED', `cross-site request refused by its ${check}`)
    this.check = check
  }
}

/** Nothing could be decided in time; nothing changed for the user. HTTP: 503 `try_again`. */
export class TryAgainError extends SessionsError {
  declare readonly code: 'ERR_TRY_AGAIN'
  /** Seconds to wait. */
  readonly retryAfter: number
  constructor(retryAfter = 1, message = 'the request could not be decided now; try again') {
    super('ERR_TRY_AGAIN', message)
    this.retryAfter = retryAfter
  }
}

/** The store cannot be reached. Sessions are untouched. HTTP: 503 `unavailable`. */
export class StoreUnavailableError extends SessionsError {
  declare readonly code: 'ERR_STORE_UNAVAILABLE'
  /** Seconds to wait. */
  readonly retryAfter: number = 5
  constructor(message: string, options?: ErrorOptionsWithCause) {
    super('ERR_STORE_UNAVAILABLE', message, options)
  }
}

/**
 * A token that a secret or a release unknown to this process minted: a half-finished deploy, not an
 * attack. HTTP: 503 `unavailable`, cookies kept. At start: `secret` opens none of the signing keys.
 */
export class SecretUnknownError extends SessionsError {
  declare readonly code: 'ERR_SECRET_UNKNOWN'
  /** Seconds to wait. */
  readonly retryAfter: number = 30
  constructor(message = 'the token was made with a secret this process does not have') {
    super('ERR_SECRET_UNKNOWN', message)
  }
}

/** The database schema does not fit this version of Pawl. Thrown at start. */
export class SchemaOutdatedError extends SessionsError {
  declare readonly code: 'ERR_SCHEMA_OUTDATED'
  constructor(message: string) {
    super('ERR_SCHEMA_OUTDATED', message)
  }
}

/** An option is wrong. Thrown at start; the message names the option, what it got and what it takes. */
export class InvalidOptionsError extends SessionsError {
  declare readonly code: 'ERR_INVALID_OPTIONS'
  /** The option, as a path: `cookies.domain`. */
  readonly option: string
  constructor(option: string, message: string) {
    super('ERR_INVALID_OPTIONS', message)
    this.option = option
  }
}

/** Discriminated by `code`: `switch (error.code)` narrows. */
export type AnySessionsError =
  | NotSignedInError
  | AccessTokenExpiredError
  | AccessTokenInvalidError
  | SessionEndedError
  | RefreshTokenInvalidError
  | RefreshTokenReusedError
  | RecentAuthRequiredError
  | SessionLimitError
  | CsrfRejectedError
  | TryAgainError
  | StoreUnavailableError
  | SecretUnknownError
  | SchemaOutdatedError
  | InvalidOptionsError

/** Whether `error` is one of Pawl's own, narrowed so that `error.code` discriminates. */
export function isSessionsError(error: unknown): error is AnySessionsError {
  return error instanceof SessionsError
}
