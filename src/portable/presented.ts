/** The fields of a refresh token that the rotation's decision needs: (n, f, p, t). Times in milliseconds. */
export interface Presented {
  readonly generation: number
  /** First 16 bytes of SHA-256 over the token's decoded bytes. */
  readonly fingerprint: Uint8Array
  /** Fingerprint of the refresh token that was exchanged for this one; zeros at generation 0. */
  readonly parent: Uint8Array
  readonly issuedAt: number
}
