/** The fields of a refresh token that the rotation decides by: (n, f, p, t) in docs/protocol.md. */
export interface Presented {
  readonly generation: number
  /** First 16 bytes of the SHA-256 of the token's decoded bytes. */
  readonly fingerprint: Uint8Array
  /** Fingerprint of the refresh token that this one was exchanged for; zeros at generation 0. */
  readonly parent: Uint8Array
  /** Milliseconds since the epoch. */
  readonly issuedAt: number
}
