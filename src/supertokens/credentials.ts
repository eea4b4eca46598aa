import { claimedToken } from '../core/tokens/access-token.ts'
import type { Exchange } from '../http/exchange.ts'
import { couldBeOurs } from '../portable/token-header.ts'
import { bearerToken, cookieTokens, MAX_TOKENS } from '../wire/credentials.ts'
import { ACCESS_COOKIE, LEGACY_COOKIE, REFRESH_COOKIE } from './names.ts'

/** Of this release or any other. */
const REFRESH_TOKEN = /^pawl_r\d{1,5}_[\w.~+/=-]{1,3500}$/

/** The tokens of a request, as the protocol carries them. None of them has been checked. */
export interface Credentials {
  /** The token in the header `Authorization`, if its form is that of one of Pawl's. */
  readonly header: string | null
  readonly accessCookies: readonly string[]
  readonly refreshCookies: readonly string[]
  readonly hasLegacyCookie: boolean
}

/**
 * @param isRefresh whether the request is for the refresh route: then the header holds a refresh token
 * @param hasCookies whether cookies count
 */
export function credentialsOf(
  exchange: Pick<Exchange, 'header'>,
  isRefresh: boolean,
  hasCookies: boolean,
): Credentials {
  const cookies = hasCookies ? exchange.header('cookie') : undefined
  const bearer = bearerToken(exchange.header('authorization') ?? '')
  const isOurs = isRefresh ? isRefreshToken : isAccessToken
  return {
    header: bearer !== undefined && isOurs(bearer) ? bearer : null,
    accessCookies: cookieTokens(cookies, ACCESS_COOKIE),
    refreshCookies: cookieTokens(cookies, REFRESH_COOKIE),
    hasLegacyCookie: cookieTokens(cookies, LEGACY_COOKIE).length > 0,
  }
}

/** The tokens of a cookie, a few at most: the signature of each may be checked. */
export function fewTokens(exchange: Pick<Exchange, 'header'>, cookie: string): string[] {
  return cookieTokens(exchange.header('cookie'), cookie).slice(0, MAX_TOKENS)
}

/** Whether a text has the form of an access token of Pawl. Applications use the header for tokens of others, too. */
export function isAccessToken(text: string): boolean {
  return couldBeOurs(text.slice(0, Math.max(0, text.indexOf('.')))) && claimedToken(text) !== null
}

function isRefreshToken(text: string): boolean {
  return REFRESH_TOKEN.test(text)
}
