/**
 * Names that the browser client and the server share. This layer imports nothing, so that the client does not bundle
 * any server code.
 */

/** Header with which a client asks for bearer mode: tokens in bodies instead of cookies. For apps and servers. */
export const TRANSPORT_HEADER = 'pawl-transport'

/** Header that carries the session's CSRF token. Used if the server has `csrf: 'token'`. */
export const CSRF_HEADER = 'pawl-csrf'

/** Query parameter that marks a navigation as already sent through the refresh route. */
export const RESUMED_PARAMETER = 'pawl-resumed'

/** Header with a proof of possession of a key (RFC 9449 section 4.1). */
export const PROOF_HEADER = 'dpop'

/** Header with the challenge that the next proof has to sign (RFC 9449 section 8). */
export const NONCE_HEADER = 'dpop-nonce'

/** The `code` of an error body. Stable, because clients depend on it. */
export type WireCode =
  | 'not_signed_in'
  | 'access_token_expired'
  | 'access_token_invalid'
  | 'session_ended'
  | 'session_replaced'
  | 'session_outdated'
  | 'refresh_token_invalid'
  | 'refresh_token_reused'
  | 'recent_auth_required'
  | 'acting_refused'
  | 'device_proof_required'
  | 'device_required'
  | 'device_mismatch'
  | 'session_limit'
  | 'handoff_refused'
  | 'csrf_rejected'
  | 'try_again'
  | 'unavailable'

/** Body of every error response. */
export interface ProblemBody {
  readonly code: WireCode
  /**
   * `true`: refresh, then repeat the request. `'once'`: the same; if a refresh is refused with it, repeat that refresh once.
   * `false`: do not refresh. Absent from a 503.
   */
  readonly refresh?: boolean | 'once'
}

/** Body of a login or refresh response in cookie mode. The tokens are in `Set-Cookie` only. */
export interface CookieAnswer {
  /** Seconds until the access token expires. */
  readonly expiresIn: number
  /**
   * Tells sessions apart: the same for the life of a session, another after each login and while somebody acts as another
   * user. No secret, and it does not reveal the session id. Compare it only with other markers.
   */
  readonly marker: string
  /** The CSRF token, if the server has `csrf: 'token'`. The client sends it in the header `pawl-csrf` of unsafe requests. */
  readonly csrfToken?: string
  /**
   * Binds the session to a key of the device: `pawl/client/bind` signs it and sends it to `<path>/device`, within five
   * minutes and once. Present after a login or reauthentication, if the option `deviceBinding` is not `off`.
   */
  readonly deviceChallenge?: string
}

/** Body of a login or refresh response in bearer mode. */
export interface BearerAnswer {
  readonly accessToken: string
  /** `null`: the client's present refresh token stays valid. */
  readonly refreshToken: string | null
  /** Seconds until the access token expires. */
  readonly expiresIn: number
  /**
   * Binds the session to a key of the device: `pawl/client/bind` signs it and sends it to `<path>/device`, within five
   * minutes and once. Present after a login or reauthentication, if the option `deviceBinding` is not `off`.
   */
  readonly deviceChallenge?: string
}
