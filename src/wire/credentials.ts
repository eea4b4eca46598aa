import { TRANSPORT_HEADER } from './names.ts'

/**
 * How a request carries its tokens. `bearer`: in an `Authorization: Bearer` header, or the client asks for tokens in
 * the body. Then cookies are neither read nor written, and no cross-site page can send the request.
 */
export type Transport = 'cookie' | 'bearer'

/** Reads the headers of a request by their lower-case names. */
export interface HeaderSource {
  header(name: string): string | null | undefined
}

const BEARER = /^bearer +([\w.~+/-]+=*)$/i

export function transportOf(request: HeaderSource): Transport {
  const authorization = request.header('authorization')
  if (authorization != null && /^bearer\b/i.test(authorization)) return 'bearer'
  return request.header(TRANSPORT_HEADER)?.toLowerCase() === 'bearer' ? 'bearer' : 'cookie'
}

/** Whether browsers accept a cookie of this name from its own host alone (RFC 6265bis section 4.1.3.2). */
export function isHostOnly(cookie: string): boolean {
  return cookie.startsWith('__Host-')
}

/** How many access tokens of a request are looked at, because the signature of each may have to be checked. */
export const MAX_TOKENS = 4

/**
 * The access tokens of a request to look at, in the order of the request: at most four. Only doubled cookies make more
 * than one. Of more than four, those with the most evidence come first, so that forged ones hardly hide the genuine one.
 * A host-only cookie cannot be hidden: nobody else can set it.
 * @param cookie name of the access cookie
 * @param evidenceFor what speaks for a token before its signature is checked; the higher, the better
 */
export function accessTokensOf(
  request: HeaderSource,
  transport: Transport,
  cookie: string,
  evidenceFor: (token: string) => number = () => 0,
): string[] {
  if (transport === 'cookie') {
    const tokens = cookieTokens(request.header('cookie'), cookie)
    const few = tokens.length <= MAX_TOKENS || isHostOnly(cookie)
    return [...new Set(few ? tokens.slice(0, MAX_TOKENS) : strongest(tokens, evidenceFor))]
  }
  const authorization = request.header('authorization')
  if (authorization == null) return []
  // A malformed header holds an invalid token, not none.
  return [bearerToken(authorization) ?? '']
}

/** The token in a header `Authorization: Bearer`; undefined for any other value. */
export function bearerToken(authorization: string): string | undefined {
  return BEARER.exec(authorization)?.[1]
}

function strongest(tokens: readonly string[], evidenceFor: (token: string) => number): string[] {
  const evidence = tokens.map((token) => evidenceFor(token))
  const best = [...tokens.keys()].sort((a, b) => evidence[b]! - evidence[a]!).slice(0, MAX_TOKENS)
  return best.sort((a, b) => a - b).map((index) => tokens[index]!)
}

/** The values of a name without empty ones: a removed cookie may be sent empty. */
export function cookieTokens(header: string | null | undefined, name: string): string[] {
  return cookieValues(header, name).filter((value) => value !== '')
}

/**
 * Every value of a name. A changed domain or a sibling subdomain can leave several cookies of one name, and the
 * server does not see their `Domain` and `Path`. There is no limit here, because an attacker could hide the genuine
 * cookie behind that many. {@link accessTokensOf} limits signature checks. A full header of refresh cookies needs a
 * hundred MACs, about 0.4 ms or as much as four signature checks.
 */
export function cookieValues(header: string | null | undefined, name: string): string[] {
  if (header == null) return []
  const values: string[] = []
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    // Spaces and tabs around a name are not part of it (RFC 6265bis section 5.7).
    if (equals !== -1 && pair.slice(0, equals).replace(/^[ \t]+|[ \t]+$/g, '') === name)
      values.push(pair.slice(equals + 1).trim())
  }
  return values
}
