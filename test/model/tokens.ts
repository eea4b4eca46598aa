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

/** Names tokens by their order of appearance and their age, so that worlds that differ in numbers alone are one. */
export function createNaming(now: number): {
  label(fingerprint: Uint8Array): number
  token(value: Token | null): string
} {
  const labels: number[] = []
  const described: number[] = []
  const label = (fingerprint: Uint8Array): number => {
    const number = numberOf(fingerprint)
    if (number === 0) return 0
    const known = labels.indexOf(number)
    return known === -1 ? labels.push(number) : known + 1
  }
  const token = (value: Token | null): string => {
    if (value === null) return '-'
    const text = String(label(value.fingerprint))
    if (described.includes(value.number)) return text
    described.push(value.number)
    return `${text}:${value.generation}.${label(value.parent)}.${now - value.issuedAt}.${value.lineage}`
  }
  return { label, token }
}
