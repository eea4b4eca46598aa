import type { Decision, Presented, RotationState } from '../../src/core/rotation/decision.ts'
import { same } from './tokens.ts'

/** The rules whose absence the explorer must notice. Each is a sentence of the protocol. */
export const MUTATIONS = [
  'sibling',
  'late',
  'calm',
  'ahead',
  'reused',
  'age limit on evidence',
  'evidence at any age',
  'late evidence turns nothing',
  'limits after the decision',
  'renewal of one lineage',
  'retired keys name sessions',
  'the access cookie chooses',
  'settle time',
  'refresh before a renewal',
  'evidence of the present version',
  'reuse after a renewal without a password',
  'reuse after a copied reauthentication',
  'durable sibling switch',
  'own child for every caller',
  'only presented tokens are evidence',
  'windows from the recorded turn',
  'clock tolerance',
] as const

export type Mutation = (typeof MUTATIONS)[number]

/** The decision with one rule taken away; mutations of anything but the decision leave it as it is. */
export function mutated(
  mutation: Mutation | null,
  decision: Decision,
  token: Presented,
  row: RotationState,
  recordedAt: number,
): Decision {
  const { verdict } = decision
  const isCurrent = same(token.fingerprint, row.current)
  switch (mutation) {
    case 'sibling':
      return verdict === 'sibling' || (verdict === 'steady' && !isCurrent) ? REUSED : decision
    case 'late':
    case 'ahead':
      return verdict === mutation ? REUSED : decision
    case 'calm':
      if (verdict !== 'steady') return decision
      if (isCurrent) return { verdict: 'current', answer: 'child' }
      return {
        verdict: 'sibling',
        answer: 'child',
        next: { ...row, current: token.fingerprint, switchedAt: recordedAt },
      }
    case 'reused':
      return decision.answer === 'refuse' ? { verdict, answer: 'child' } : decision
    default:
      return decision
  }
}

const REUSED: Decision = { verdict: 'reused', answer: 'refuse' }
