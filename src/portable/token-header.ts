import { decodeBase64url, encodeBase64url } from './base64url.ts'

export const ALGORITHMS = ['HS256', 'EdDSA', 'ES256'] as const

/** The signature algorithm of a key (RFC 7518, RFC 8037). Each key has exactly one (RFC 8725 section 3.1). */
export type Algorithm = (typeof ALGORITHMS)[number]

export function isAlgorithm(name: string): name is Algorithm {
  return (ALGORITHMS as readonly string[]).includes(name)
}

/**
 * The encoded JOSE header of all access tokens signed with a key. `typ: at+jwt` distinguishes them from other JWTs
 * signed with the same key (RFC 9068 section 2.1). Verification compares headers as text, so a token cannot choose
 * its algorithm.
 * @param kid letters, digits, `.`, `_` and `-`
 */
export function encodeHeader(kid: string, algorithm: Algorithm): string {
  return encodeBase64url(JSON.stringify({ alg: algorithm, kid, typ: 'at+jwt' }))
}

/** The key that a header names, whatever else is in it; null for none. */
export function kidOf(header: string): string | null {
  const { kid } = parseHeader(header)
  return typeof kid === 'string' ? kid : null
}

function parseHeader(header: string): { alg?: unknown; kid?: unknown; typ?: unknown } {
  if (header.length > 256) return {}
  try {
    return JSON.parse(new TextDecoder().decode(decodeBase64url(header) ?? undefined)) ?? {}
  } catch {
    return {}
  }
}

/** Whether a header without a known key may be of a new key: then the process reads the key table again. */
export function couldBeOurs(header: string): boolean {
  const { alg, kid, typ } = parseHeader(header)
  return ALGORITHMS.includes(alg as Algorithm) && typ === 'at+jwt' && typeof kid === 'string'
}
