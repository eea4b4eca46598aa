/** A public key as a JWK (RFC 7517). */
export interface DevicePublicKey {
  /** The key type, which is `EC`. */
  readonly kty?: string
  /** The curve, which is `P-256`. */
  readonly crv?: string
  /** The x coordinate: 32 bytes as base64url. */
  readonly x?: string
  /** The y coordinate: 32 bytes as base64url. */
  readonly y?: string
}

/**
 * The key of a native app, in the keystore of the device. The client awaits each method for at most 10 s. If a method
 * throws, a refresh that needs a proof fails as without a network, and nobody is signed out.
 *
 * @example
 * const signer: DeviceSigner = {
 *   publicKey: () => Keystore.publicJwk('session'),
 *   sign: (data) => Keystore.signP1363('session', data),
 * }
 */
export interface DeviceSigner {
  /** Returns the public key as a JWK of the curve P-256. It makes the key if there is none. */
  publicKey(): Promise<DevicePublicKey>
  /** Signs data with ECDSA and SHA-256. @returns r and s, 32 bytes each (IEEE P1363). Keystores often return DER instead */
  sign(data: Uint8Array): Promise<ArrayBuffer | Uint8Array>
  /** Hashes data with SHA-256. Only {@link DeviceBinding.proof} needs it, and only without WebCrypto, as in React Native. */
  digest?(data: Uint8Array): Promise<ArrayBuffer | Uint8Array>
}
