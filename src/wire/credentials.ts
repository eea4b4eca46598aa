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

const [TAB, SPACE, SEMICOLON, EQUALS] = [0x09, 0x20, 0x3b, 0x3d]
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
  if (transport === 'cookie')
    return cookieValues(request.header('cookie'), cookie).filter((value) => value !== '')
  const authorization = request.header('authorization')
  if (authorization == null) return []
  const token = BEARER.exec(authorization)?.[1]
  // Present but malformed is an invalid token, not an absent one.
  return [token ?? '']
}

/**
 * Every value of a name: the server cannot see which Domain or Path a cookie has, so a changed domain
 * or a sibling subdomain can leave several. All are looked at: were there a limit, planting that many
 * would hide the genuine one. The server's limit on headers bounds the work.
 */
export function cookieValues(header: string | null | undefined, name: string): string[] {
  const values: string[] = []
  if (header == null) return values
  // From one occurrence of the name to the next, instead of taking apart the cookies of everybody else.
  let at = header.indexOf(name)
  while (at !== -1) {
    const equals = skipBlanks(header, at + name.length, 1)
    let next = at + 1
    if (header.charCodeAt(equals) === EQUALS && beginsCookie(header, at)) {
      const end = header.indexOf(';', equals)
      values.push(header.slice(equals + 1, end === -1 ? header.length : end).trim())
      if (end === -1) break
      next = end
    }
    at = header.indexOf(name, next)
  }
  return values
}

function beginsCookie(header: string, at: number): boolean {
  const before = skipBlanks(header, at - 1, -1)
  return before === -1 || header.charCodeAt(before) === SEMICOLON
}

/** Spaces and tabs are no part of a cookie's name (RFC 6265bis section 5.7). */
function skipBlanks(text: string, from: number, step: 1 | -1): number {
  let at = from
  for (let code = text.charCodeAt(at); code === SPACE || code === TAB; code = text.charCodeAt(at)) at += step
  return at
}
