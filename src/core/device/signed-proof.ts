import { matchesTarget, parseProof } from '../../portable/proof.ts'
import type { RequestProof } from '../request-context.ts'
import { keyOf, verifySignature } from './device-key.ts'

/** The key that signed a proof for this very request, and the challenge that it names. */
export interface SignedProof {
  readonly key: Uint8Array
  readonly nonce: string | null
}

/** Verifies the proof in the header of a request (RFC 9449 section 4.3). @returns null for any other text */
export function verifyProof({ value, method, url }: RequestProof): SignedProof | null {
  const proof = parseProof(value, 'dpop+jwt')
  if (proof === null || !URL.canParse(url)) return null
  const { host, pathname } = new URL(url)
  const key = proof.jwk === null ? null : keyOf(proof.jwk)
  if (key === null || !matchesTarget(proof, method, host, pathname)) return null
  return verifySignature(key, proof.input, proof.signature) ? { key, nonce: proof.nonce } : null
}
