/**
 * Names that a browser client and the server share. This layer imports nothing, so that the
 * client can be built on it without pulling in a server.
 */

/** Header by which a client asks for tokens in the body (mobile apps, servers) instead of cookies. */
export const TRANSPORT_HEADER = 'pawl-transport'

/** Header that carries the per-session CSRF token when `csrf: 'token'` is configured. */
export const CSRF_HEADER = 'pawl-csrf'

/** Query parameter that marks a navigation already sent through the refresh route once. */
export const RESUMED_PARAMETER = 'pawl-resumed'

/** The `code` of an error body. Stable: clients decide by it. */
export type WireCode =
  | 'not_signed_in'
  | 'access_token_expired'
  | 'access_token_invalid'
  | 'session_ended'
  | 'session_replaced'
  | 'refresh_token_invalid'
  | 'refresh_token_reused'
  | 'recent_auth_required'
  | 'session_limit'
  | 'csrf_rejected'
  | 'try_again'
  | 'unavailable'

/** Body of every error answer. */
export interface ProblemBody {
  readonly code: WireCode
  /** `true`: refresh and repeat; `'once'`: refresh and repeat a single time; `false`: do not refresh. Absent on 503. */
  readonly refresh?: boolean | 'once'
}

/** Body of a login or refresh answer in cookie mode. The tokens themselves travel in `Set-Cookie` only. */
export interface CookieAnswer {
  /** Seconds until the access token expires. */
  readonly expiresIn: number
  /** Present with `csrf: 'token'`: send it back in the `pawl-csrf` header of every unsafe request. */
  readonly csrfToken?: string
}

/** Body of a login or refresh answer in bearer mode. */
export interface BearerAnswer {
  readonly accessToken: string
  /** `null`: keep the refresh token you have. */
  readonly refreshToken: string | null
  /** Seconds until the access token expires. */
  readonly expiresIn: number
}
