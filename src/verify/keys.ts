import { decodeBase64url } from '../portable/base64url.ts'
import { encodeHeader } from '../portable/token-header.ts'

/** The public keys of an application, as `sessions.keys.jwks()` and `/.well-known/jwks.json` give them (RFC 7517). */
export interface JsonWebKeySet {
  readonly keys: readonly object[]
}

/** A key that verifies. */
export interface PublicKey {
  /** The encoded header of all tokens signed with it; any other is of another key, or not ours. */
  readonly header: string
  verify(input: string, signature: string): Promise<boolean>
}

/** By header. */
export type PublicKeys = ReadonlyMap<string, PublicKey>

interface Jwk {
  readonly kid: string
  readonly alg: keyof typeof ALGORITHMS
  readonly [member: string]: unknown
}

/** The algorithms others can verify with. Which one is used is said by the key, never by a token (RFC 8725 section 3.1). */
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

/** The keys of a set that Pawl can have signed with; others are passed over (RFC 7517 section 5). */
export function usableKeys(set: unknown): Jwk[] {
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : null
  return Array.isArray(keys) ? keys.filter(isUsable) : []
}

function isUsable(jwk: Jwk | null): boolean {
  if (typeof jwk !== 'object' || jwk === null || !Object.hasOwn(ALGORITHMS, jwk.alg)) return false
  const { members } = ALGORITHMS[jwk.alg]
  return (
    typeof jwk.kid === 'string' &&
    /^[\w.-]{1,64}$/.test(jwk.kid) &&
    jwk['kty'] === members.kty &&
    jwk['crv'] === members.crv &&
    (jwk['use'] === undefined || jwk['use'] === 'sig')
  )
}

/** @throws Error when there is none that this runtime can use */
export async function importKeys(jwks: readonly Jwk[]): Promise<PublicKeys> {
  const results = await Promise.allSettled(jwks.map(importKey))
  const keys = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  if (keys.length === 0)
    throw new Error("there is no public key: the application's `algorithm` has to be 'EdDSA' or 'ES256'", {
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
