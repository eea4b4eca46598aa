import type { Presented } from '../../src/core/rotation/decision.ts'

/** A refresh token as the decision sees it; its fingerprint holds its number. */
export interface Token extends Presented {
  readonly number: number
  /** All tokens of one lineage carry the same anchor. */
  readonly lineage: number
}

export function numberOf(fingerprint: Uint8Array): number {
  return (fingerprint[0]! << 24) | (fingerprint[1]! << 16) | (fingerprint[2]! << 8) | fingerprint[3]!
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return numberOf(a) === numberOf(b)
}

/** For stories: generation and number. */
export const name = (token: Token): string => `R${token.generation}#${token.number}`
export const when = (ago: number): string => (ago === 0 ? 'now' : `${ago} tick(s) ago`)
export const clock = (skew: number): string => (skew === 0 ? '' : ', at a process whose clock is ahead')
