/** A refresh token as the rotation's decision sees it: (n, f, p, t). All times are milliseconds since the epoch. */
export interface Presented {
  readonly generation: number
  /** First 16 bytes of SHA-256 over the token's decoded bytes. */
  readonly fingerprint: Uint8Array
  /** Fingerprint of the refresh token that was presented to get this one; zeros at generation 0. */
  readonly parent: Uint8Array
  readonly issuedAt: number
}
