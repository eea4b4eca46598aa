import { decodeBase64url } from './base64url.ts'

/** One algorithm per key, for its whole life (RFC 8725 section 3.1). */
export type Algorithm = 'HS256' | 'EdDSA' | 'ES256'

export const ALGORITHMS: readonly Algorithm[] = ['HS256', 'EdDSA', 'ES256']

/**
 * The encoded JOSE header of every access token signed with a key. `typ: at+jwt` keeps other JWTs signed with
 * the same key from passing as access tokens (RFC 9068 section 2.1). Tokens are found by comparing it as
 * text, so nothing a token says about itself is ever obeyed.
 * @param kid letters, digits, `.`, `_` and `-`
 */
export function encodeHeader(kid: string, algorithm: Algorithm): string {
  return btoa(JSON.stringify({ alg: algorithm, kid, typ: 'at+jwt' }))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

/** Only a well-formed header of ours with an unknown `kid` is worth a look for new keys. */
export function couldBeOurs(header: string): boolean {
  if (header.length > 256) return false
  try {
    const { alg, kid, typ } = JSON.parse(new TextDecoder().decode(decodeBase64url(header) ?? undefined))
    return ALGORITHMS.includes(alg) && typ === 'at+jwt' && typeof kid === 'string'
  } catch {
    return false
  }
}
