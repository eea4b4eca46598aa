/*
 * The names of the frontend protocol of SuperTokens (FDI), as its client SDKs know them. Headers are in lower case.
 */

export const ACCESS_COOKIE = 'sAccessToken'
export const REFRESH_COOKIE = 'sRefreshToken'
/** A cookie of old backends. Its clients must refresh once. */
export const LEGACY_COOKIE = 'sIdRefreshToken'

/** `cookie` or `header`: how the client wants the tokens of a login. */
export const MODE_HEADER = 'st-auth-mode'
export const ACCESS_HEADER = 'st-access-token'
export const REFRESH_HEADER = 'st-refresh-token'
export const FRONT_HEADER = 'front-token'
export const ANTI_CSRF_HEADER = 'anti-csrf'
/** The versions of the protocol that the client knows. */
export const VERSION_HEADER = 'fdi-version'

/** The value of the front token that makes a client forget its session. */
export const REMOVE = 'remove'
