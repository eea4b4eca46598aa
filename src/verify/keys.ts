import { decodeBase64url } from '../portable/base64url.ts'
import { encodeHeader } from '../portable/token-header.ts'

/** The public keys of an application (RFC 7517), as `sessions.keys.jwks()` returns them. */
export interface JsonWebKeySet {
  /** The keys. The verifier ignores those that it cannot use. */
  readonly keys: readonly object[]
}

/** A key that verifies signatures. */
export interface PublicKey {
  /** The encoded JOSE header of every token signed with this key. */
  readonly header: string
  verify(input: string, signature: string): Promise<boolean>
}

/** By encoded header. */
export type PublicKeys = ReadonlyMap<string, PublicKey>

interface Jwk {
  readonly kid: string
  readonly alg: keyof typeof ALGORITHMS
  readonly [member: string]: unknown
}

/** The asymmetric algorithms. The key selects the algorithm, never the token (RFC 8725 section 3.1). */
const ALGORITHMS = {
  EdDSA: {
    members: { kty: 'OKP', crv: 'Ed25519' },
    coordinates: ['x'],
    key: { name: 'Ed25519' },
    signature: { name: 'Ed25519' },
  },
  ES256: {
    members: { kty: 'EC', crv: 'P-256' },
    coordinates: ['x', 'y'],
    key: { name: 'ECDSA', namedCurve: 'P-256' },
    signature: { name: 'ECDSA', hash: 'SHA-256' },
  },
} as const

const SIGNATURE_BYTES = 64
const encoder = new TextEncoder()

/** Ignores the keys that Pawl cannot have signed with (RFC 7517 section 5). */
export function usableKeys(set: unknown): Jwk[] {
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : null
  return Array.isArray(keys) ? keys.filter(isUsable) : []
}

function isUsable(jwk: Jwk | null): boolean {
  if (typeof jwk !== 'object' || jwk === null || !Object.hasOwn(ALGORITHMS, jwk.alg)) return false
  const { members } = ALGORITHMS[jwk.alg]
  const { key_ops: operations } = jwk
  return (
    typeof jwk.kid === 'string' &&
    /^[\w.-]{1,64}$/.test(jwk.kid) &&
    jwk['kty'] === members.kty &&
    jwk['crv'] === members.crv &&
    (jwk['use'] === undefined || jwk['use'] === 'sig') &&
    (operations === undefined || (Array.isArray(operations) && operations.includes('verify')))
  )
}

/** @throws Error when this runtime can use none of the keys */
export async function importKeys(jwks: readonly Jwk[]): Promise<PublicKeys> {
  const results = await Promise.allSettled(jwks.map(importKey))
  const keys = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  if (keys.length === 0)
    throw new Error("No usable key. Set the application's `algorithm` to 'EdDSA' or 'ES256'.", {
      cause: results,
    })
  return new Map(keys.map((key) => [key.header, key]))
}

async function importKey(jwk: Jwk): Promise<PublicKey> {
  const { members, coordinates, key, signature: algorithm } = ALGORITHMS[jwk.alg]
  const publicMembers = Object.fromEntries(coordinates.map((name) => [name, jwk[name]]))
  const imported = await crypto.subtle.importKey('jwk', { ...members, ...publicMembers }, key, false, [
    'verify',
  ])
  return {
    header: encodeHeader(jwk.kid, jwk.alg),
    async verify(input, signature) {
      const bytes = decodeBase64url(signature)
      return (
        bytes?.length === SIGNATURE_BYTES &&
        (await crypto.subtle.verify(algorithm, imported, bytes, encoder.encode(input)))
      )
    },
  }
}
