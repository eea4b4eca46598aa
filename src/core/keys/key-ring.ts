import type { PublicJwk, SigningKey } from './signing-key.ts'

/** A signing key as {@link Sessions.keys} lists it, without key material. */
export interface KeyInfo {
  /** The number of the key. Each new key has the next number. */
  readonly epoch: number
  /** The key id in the header of its tokens (RFC 7515 section 4.1.4). */
  readonly kid: string
  /** The signature algorithm: `HS256`, `EdDSA` or `ES256`; another name if a later release made the key. */
  readonly algorithm: string
  /** When the key was made. With a function as `keys.provided`: when this process first got the key. */
  readonly createdAt: Date
  /** When the key starts to sign. */
  readonly signsFrom: Date
  /** When the key stops to verify; `null` until the next key is known. With a function: when it dropped the key. */
  readonly verifiesUntil: Date | null
  /** Whether this process verifies tokens by the key: it can decrypt the key, and the key is not retired. */
  readonly usable: boolean
}

/** A JWK Set (RFC 7517 section 5). */
export interface JsonWebKeySet {
  /** The public keys. */
  readonly keys: PublicJwk[]
}

/** The keys that sign and verify access tokens. */
export interface KeyRing {
  /**
   * The key that signs now.
   * @throws StoreUnavailableError when the keys were read too long ago and cannot be read again
   * @throws SecretUnknownError when this process can use none of them
   */
  signer(): Promise<SigningKey>
  /** The key of tokens with this header, unless it is retired. */
  find(header: string): SigningKey | undefined
  /**
   * As {@link find}, also of a retired key. Its tokens only name the session that a logout or a login ends. They
   * authenticate nobody.
   */
  identify(header: string): SigningKey | undefined
  /**
   * Whether the header names a key that has not retired and that this process cannot use, because a later release or another
   * secret made it. Its tokens may be genuine.
   */
  isUnusable(header: string): boolean
  /** When the key of tokens with this header retires, in ms; 0 for an unknown header. */
  verifiesUntil(header: string): number
  /** Increases whenever the keys may have changed. */
  readonly revision: number
  /** Reads the keys again in the background, at most every 10 s: there may be a new one. */
  reloadForUnknownKid(): void
  /** Reads the keys and publishes the next one when it is due. */
  reload(): Promise<void>
  list(): KeyInfo[]
  /** Publishes the next key. @returns that key */
  rotate(): Promise<KeyInfo>
  jwks(): JsonWebKeySet
}
