import { createPublicKey, ECDH, hash, verify } from 'node:crypto'
import { type PublicJwk, thumbprintInput } from '../../portable/proof.ts'

/*
 * The key of a device: a point of the curve P-256 in its compressed form of 33 bytes (SEC 1 section 2.3.3). A point has one
 * such form, so equal bytes are equal keys.
 */

const CURVE = 'prime256v1'
const COORDINATE_BYTES = 32

/** @returns null if the point is not on the curve */
export function keyOf({ x, y }: PublicJwk): Uint8Array | null {
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
  try {
    return ECDH.convertKey(point, CURVE, undefined, undefined, 'compressed') as Buffer
  } catch {
    return null
  }
}

/**
 * Verifies a signature with ES256 (RFC 7518 section 3.4).
 * @param key as {@link keyOf} returns it
 * @param signature `r` and `s`, 32 bytes each
 */
export function verifySignature(key: Uint8Array, input: string, signature: Uint8Array): boolean {
  // Of another length it would be no signature of this format, which OpenSSL reports as an error.
  if (signature.length !== 2 * COORDINATE_BYTES) return false
  // OpenSSL decodes the DER form of a key at half the speed.
  const publicKey = createPublicKey({ key: { ...jwkOf(key) }, format: 'jwk' })
  return verify('sha256', Buffer.from(input), { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)
}

/** The thumbprint of a key (RFC 7638), 43 characters: `cnf.jkt` of an access token (RFC 9449 section 6.1). */
export function thumbprintOf(key: Uint8Array): string {
  return hash('sha256', thumbprintInput(jwkOf(key)), 'base64url')
}

function jwkOf(key: Uint8Array): PublicJwk {
  const point = ECDH.convertKey(key, CURVE, undefined, undefined, 'uncompressed') as Buffer
  const x = point.toString('base64url', 1, 1 + COORDINATE_BYTES)
  const y = point.toString('base64url', 1 + COORDINATE_BYTES)
  return { kty: 'EC', crv: 'P-256', x, y }
}
