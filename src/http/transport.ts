import type { Internals } from '../core/internals.ts'
import { accessTokensOf, cookieTokens, type Transport } from '../wire/credentials.ts'
import type { Exchange } from './exchange.ts'
import type { CookieSet } from './options.ts'

export { type Transport, transportOf } from '../wire/credentials.ts'

/** The access tokens a request presents; more than one only where cookies are doubled. */
export function presentedAccessTokens(
  exchange: Exchange,
  transport: Transport,
  cookies: CookieSet,
): string[] {
  return accessTokensOf(exchange, transport, cookies.access)
}

/** The refresh tokens in a request's cookies. */
export function presentedRefreshCookies(exchange: Exchange, cookies: CookieSet): string[] {
  return cookieTokens(exchange.header('cookie'), cookies.refresh)
}

/** The refresh token in a bearer-mode body, `{ "refreshToken": "…" }`. */
export async function presentedRefreshBody(exchange: Exchange): Promise<string | null> {
  const body = await exchange.json()
  // Present but unreadable is an invalid token, not an absent one.
  if (body === undefined) return ''
  if (typeof body !== 'object' || body === null || !('refreshToken' in body)) return null
  return typeof body.refreshToken === 'string' ? body.refreshToken : ''
}

/**
 * At most one refresh token is ever decided. Of several genuine ones: those of the session the genuine
 * access cookie names, and of these the newest.
 */
export function chooseRefreshToken(
  internals: Internals,
  refreshTokens: readonly string[],
  accessTokens: readonly string[],
): { readonly value: string } | 'none' | 'other-session' {
  const [first] = refreshTokens
  if (first === undefined) return 'none'
  const genuine = refreshTokens.flatMap((value) => {
    const token = internals.inspectRefreshToken(value)
    return token === null ? [] : [{ value, ...token }]
  })
  // None is genuine: let one be refused in the ordinary way, with the error that fits it. One that another
  // secret may have minted goes first, so that garbage beside it does not get it cleared.
  if (genuine.length === 0)
    return { value: refreshTokens.find((value) => internals.isOfUnknownSecret(value)) ?? first }
  const named = accessTokens.flatMap((value) => internals.inspectAccessToken(value)?.sessionId ?? [])
  const ours = named.length === 0 ? genuine : genuine.filter(({ sessionId }) => named.includes(sessionId))
  const [newest] = ours.toSorted((a, b) => b.generation - a.generation || b.issuedAt - a.issuedAt)
  return newest ?? 'other-session'
}
