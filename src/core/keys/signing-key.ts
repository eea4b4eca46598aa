import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto'
import { decodeBase64url } from '../../portable/base64url.ts'
import { InvalidOptionsError } from '../../portable/errors.ts'
import { ALGORITHMS, type Algorithm, encodeHeader } from '../../portable/token-header.ts'
import { MAX_LENGTH } from '../../portable/token-payload.ts'
import { createMac } from './hmac.ts'

/** A key that signs access tokens, ready for use. */
export interface SigningKey {
  readonly kid: string
  readonly algorithm: Algorithm
  /**
   * The encoded JOSE header of every token signed with this key. Verification compares a token's
   * header with it as text, so nothing a token says about itself is ever parsed, let alone obeyed.
   */
  readonly header: string
  readonly sign: (input: string) => string | Promise<string>
  readonly verify: (input: string, signature: string) => boolean
  /** The public half as a JWK; `null` for HS256, which has none. */
  readonly publicJwk: JsonWebKey | null
}

/**
 * A signing key the application brings: a `KeyObject` (a private key, or a secret key for HS256), or
 * a public key with a function that signs, for a key held in a KMS or HSM.
 */
export type ProvidedKey =
  | { readonly kid: string; readonly algorithm: Algorithm; readonly key: KeyObject }
  | {
      readonly kid: string
      readonly algorithm: Exclude<Algorithm, 'HS256'>
      readonly publicKey: KeyObject
      /** Signs the bytes; ES256 answers in the IEEE P1363 form (64 bytes). */
      readonly sign: (input: Uint8Array) => Promise<Uint8Array>
    }

/** New key material: 32 random bytes for HS256, PKCS #8 (which holds both halves) otherwise. */
export function generateKeyMaterial(algorithm: Algorithm): Buffer {
  if (algorithm === 'HS256') return randomBytes(32)
  const { privateKey } =
    algorithm === 'EdDSA'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ format: 'der', type: 'pkcs8' })
}

export function signingKeyFromMaterial(kid: string, algorithm: Algorithm, material: Buffer): SigningKey {
  const key =
    algorithm === 'HS256'
      ? createSecretKey(material)
      : createPrivateKey({ key: material, format: 'der', type: 'pkcs8' })
  return signingKey(kid, algorithm, key)
}

/** @throws InvalidOptionsError when the key does not fit its algorithm */
export function signingKeyFromProvided(provided: ProvidedKey, option: string): SigningKey {
  const fail = (message: string): never => {
    throw new InvalidOptionsError(option, `option \`${option}\` ${message}`)
  }
  if (typeof provided !== 'object' || provided === null)
    fail('takes an object with `kid`, `algorithm` and `key`')
  const { kid, algorithm } = provided
  if ('sign' in provided && typeof provided.sign !== 'function') fail('needs a function as `sign`')
  if (typeof kid !== 'string' || !/^[\w.-]{1,64}$/.test(kid))
    fail('needs a `kid` of 1 to 64 letters, digits, `.`, `_` or `-`')
  if (!ALGORITHMS.includes(algorithm)) fail(`needs an \`algorithm\` of ${ALGORITHMS.join(', ')}`)
  const held = 'sign' in provided ? provided.publicKey : provided.key
  const wanted = 'sign' in provided ? 'public' : algorithm === 'HS256' ? 'secret' : 'private'
  if (held?.type !== wanted) fail(`needs a ${wanted} KeyObject`)
  if (algorithm === 'HS256' && (held.symmetricKeySize ?? 0) < 32)
    fail('needs an HS256 key of at least 32 bytes (RFC 7518 section 3.2)')
  if (algorithm === 'EdDSA' && held.asymmetricKeyType !== 'ed25519') fail('needs an Ed25519 key')
  if (algorithm === 'ES256' && held.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    fail('needs a P-256 key')
  if (!('sign' in provided)) return signingKey(kid, algorithm, provided.key)
  const remote = provided.sign
  return {
    ...asymmetric(kid, algorithm, provided.publicKey),
    sign: async (input) => Buffer.from(await remote(Buffer.from(input))).toString('base64url'),
  }
}

function signingKey(kid: string, algorithm: Algorithm, key: KeyObject): SigningKey {
  if (algorithm === 'HS256') {
    const mac = createMac(key.export(), MAX_LENGTH)
    return {
      kid,
      algorithm,
      header: encodeHeader(kid, algorithm),
      sign: mac.sign,
      verify: (input, signature) => {
        const given = decodeBase64url(signature)
        return given !== null && mac.verify(input, given)
      },
      publicJwk: null,
    }
  }
  return {
    ...asymmetric(kid, algorithm, createPublicKey(key)),
    sign: (input) =>
      sign(digest(algorithm), Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url'),
  }
}

function asymmetric(kid: string, algorithm: Algorithm, publicKey: KeyObject): Omit<SigningKey, 'sign'> {
  return {
    kid,
    algorithm,
    header: encodeHeader(kid, algorithm),
    verify: (input, signature) => {
      const bytes = decodeBase64url(signature)
      return (
        bytes?.length === 64 &&
        verify(digest(algorithm), Buffer.from(input), { key: publicKey, dsaEncoding: 'ieee-p1363' }, bytes)
      )
    },
    publicJwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' },
  }
}

/** Ed25519 hashes inside; ES256 is ECDSA over SHA-256. */
const digest = (algorithm: Algorithm): string | null => (algorithm === 'ES256' ? 'sha256' : null)
