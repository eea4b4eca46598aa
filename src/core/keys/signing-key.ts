import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from 'node:crypto'
import { types } from 'node:util'
import { decodeBase64url } from '../../portable/base64url.ts'
import { InvalidOptionsError, TryAgainError } from '../../portable/errors.ts'
import { ALGORITHMS, type Algorithm, encodeHeader } from '../../portable/token-header.ts'
import { MAX_LENGTH } from '../../portable/token-payload.ts'
import { CALLBACK_WITHIN, within } from '../../portable/within.ts'
import { createMac } from './hmac.ts'

/** A public key as a JWK (RFC 7517). Declared here, because not every version of `@types/node` has such a type. */
export interface PublicJwk {
  readonly kty: string
  readonly kid: string
  readonly alg: string
  readonly use: string
  readonly crv?: string
  readonly x?: string
  readonly y?: string
  readonly [member: string]: unknown
}

/** A key that signs and verifies access tokens. */
export interface SigningKey {
  readonly kid: string
  readonly algorithm: Algorithm
  /**
   * The encoded JOSE header of every token signed with this key. Verification finds the key by comparing headers
   * as text, so a token cannot choose its algorithm (RFC 8725 section 3.1).
   */
  readonly header: string
  readonly sign: (input: string) => string | Promise<string>
  readonly verify: (input: string, signature: string) => boolean
  /** Equal for equal keys. Says nothing about a secret key. */
  readonly material: string
  /** The public key as a JWK (RFC 7517); `null` for HS256. */
  readonly publicJwk: PublicJwk | null
}

/**
 * A signing key of the application, as a `KeyObject`. If the key stays in a KMS or HSM, it is the public key and a function
 * that signs.
 */
export type ProvidedKey =
  | {
      /** The key id: 1 to 64 letters, digits, `.`, `_` or `-`. A new key needs a new one. */
      readonly kid: string
      /** The signature algorithm. */
      readonly algorithm: Algorithm
      /** The private key; for HS256 a secret key of at least 32 bytes (RFC 7518 section 3.2). */
      readonly key: KeyObject
    }
  | {
      /** The key id: 1 to 64 letters, digits, `.`, `_` or `-`. A new key needs a new one. */
      readonly kid: string
      /** The signature algorithm. */
      readonly algorithm: Exclude<Algorithm, 'HS256'>
      /** The public key, by which Pawl checks each signature. */
      readonly publicKey: KeyObject
      /**
       * Signs the bytes. An ES256 signature must be in the IEEE P1363 format (64 bytes). If the function fails, takes longer
       * than 10 seconds or returns a wrong signature, the login or refresh throws `TryAgainError` (503).
       */
      readonly sign: (input: Uint8Array) => Promise<Uint8Array>
    }

/** New key material: 32 random bytes for HS256, otherwise PKCS #8 with the private and public key. */
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

/** @throws InvalidOptionsError for an invalid `kid`, or a key that does not match its algorithm */
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
  const key = 'sign' in provided ? provided.publicKey : provided.key
  const type = 'sign' in provided ? 'public' : algorithm === 'HS256' ? 'secret' : 'private'
  if (key?.type !== type) fail(`needs a ${type} KeyObject`)
  if (algorithm === 'HS256' && (key.symmetricKeySize ?? 0) < 32)
    fail('needs an HS256 key of at least 32 bytes (RFC 7518 section 3.2)')
  if (algorithm === 'EdDSA' && key.asymmetricKeyType !== 'ed25519') fail('needs an Ed25519 key')
  if (algorithm === 'ES256' && key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    fail('needs a P-256 key')
  if (!('sign' in provided)) return signingKey(kid, algorithm, provided.key)
  const publicPart = asymmetric(kid, algorithm, provided.publicKey)
  return { ...publicPart, sign: (input) => signRemotely(publicPart, provided.sign, input) }
}

/**
 * Has a key service sign. Checks the signature: with a wrong one, every client would refresh again and again.
 * @throws TryAgainError
 */
async function signRemotely(
  { kid, verify }: Omit<SigningKey, 'sign'>,
  remote: (input: Uint8Array) => Promise<Uint8Array>,
  input: string,
): Promise<string> {
  try {
    const signature: unknown = await within<unknown>(
      CALLBACK_WITHIN,
      () => remote(Buffer.from(input)),
      () => {
        throw new Error(`it did not answer within ${CALLBACK_WITHIN / 1000} s`)
      },
    )
    // WebCrypto signs into an `ArrayBuffer`.
    if (!types.isUint8Array(signature) && !types.isArrayBuffer(signature))
      throw new TypeError('it returned no bytes')
    const encoded = Buffer.from(signature as Uint8Array).toString('base64url')
    if (!verify(input, encoded))
      throw new TypeError(
        'it returned a signature that `publicKey` does not verify (ES256: IEEE P1363, not DER)',
      )
    return encoded
  } catch (cause) {
    throw new TryAgainError(1, `the function \`sign\` of the key '${kid}' failed`, { cause })
  }
}

function signingKey(kid: string, algorithm: Algorithm, key: KeyObject): SigningKey {
  if (algorithm === 'HS256') {
    const secret = key.export()
    const mac = createMac(secret, MAX_LENGTH)
    return {
      kid,
      algorithm,
      header: encodeHeader(kid, algorithm),
      sign: mac.sign,
      verify: (input, signature) => {
        const bytes = decodeBase64url(signature)
        return bytes !== null && mac.verify(input, bytes)
      },
      publicJwk: null,
      material: hash('sha256', secret, 'base64url'),
    }
  }
  return {
    ...asymmetric(kid, algorithm, createPublicKey(key)),
    sign: (input) =>
      sign(digest(algorithm), Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url'),
  }
}

function asymmetric(kid: string, algorithm: Algorithm, publicKey: KeyObject): Omit<SigningKey, 'sign'> {
  const jwk = publicKey.export({ format: 'jwk' })
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
    // Without `key_ops`, which should not stand beside `use` (RFC 7517 section 4.3). A key without its private part
    // cannot be imported for signing anyway.
    publicJwk: { ...jwk, kid, alg: algorithm, use: 'sig' } as PublicJwk,
    material: JSON.stringify([jwk.x, jwk.y]),
  }
}

/** Ed25519 hashes its input itself (RFC 8032); ES256 is ECDSA with SHA-256 (RFC 7518 section 3.4). */
const digest = (algorithm: Algorithm): string | null => (algorithm === 'ES256' ? 'sha256' : null)
