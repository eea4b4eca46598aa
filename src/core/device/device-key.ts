import { createPublicKey, ECDH, hash, type KeyObject, verify } from 'node:crypto'
import { type PublicJwk, thumbprintInput } from '../../portable/proof.ts'

const CURVE = 'prime256v1'
const COORDINATE_BYTES = 32

/** The key in its compressed form, 33 bytes (SEC 1 section 2.3.3); null if the point is not on the curve. */
export function keyOf(jwk: PublicJwk): Uint8Array | null {
  try {
    // Imports it, which refuses a point off the curve and the one at infinity.
    createPublicKey({ key: { ...jwk }, format: 'jwk' })
    const y = Buffer.from(jwk.y, 'base64url')
    return Buffer.concat([Buffer.from([2 + (y.at(-1)! & 1)]), Buffer.from(jwk.x, 'base64url')])
  } catch {
    return null
  }
}

/** Verifies ES256 (RFC 7518 section 3.4). */
export function verifySignature(key: Uint8Array, input: string, signature: Uint8Array): boolean {
  return verify('sha256', Buffer.from(input), { key: importKey(key), dsaEncoding: 'ieee-p1363' }, signature)
}

/** Names a key (RFC 7638, with SHA-256): 43 characters. */
export function thumbprintOf(key: Uint8Array): string {
  return hash('sha256', thumbprintInput(jwkOf(key)), 'base64url')
}

function importKey(key: Uint8Array): KeyObject {
  return createPublicKey({ key: { ...jwkOf(key) }, format: 'jwk' })
}

function jwkOf(key: Uint8Array): PublicJwk {
  const point = ECDH.convertKey(key, CURVE, undefined, undefined, 'uncompressed') as Buffer
  const x = point.toString('base64url', 1, 1 + COORDINATE_BYTES)
  const y = point.toString('base64url', 1 + COORDINATE_BYTES)
  return { kty: 'EC', crv: 'P-256', x, y }
}
