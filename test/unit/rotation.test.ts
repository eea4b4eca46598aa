import { describe, expect, it } from 'vitest'
import {
  decide,
  decideEvidence,
  type Presented,
  type RotationSettings,
  type RotationState,
} from '../../src/core/rotation/decision.ts'

const O = 30_000
const L = 120_000
const TOLERANCE = 5_000
const CALM = 2 * O + TOLERANCE
const LATE = L + TOLERANCE
const S = 1_900_000_000_000
const G = 7

const settings: RotationSettings = {
  overlap: O,
  gracePeriod: L,
  tolerance: TOLERANCE,
  onDatabaseRollback: 'accept',
}
const strict: RotationSettings = { ...settings, overlap: 0 }

const print = (name: string): Uint8Array => Buffer.alloc(16, name)
const token = (generation: number, name: string, parent: string, issuedAt: number = S): Presented => ({
  generation,
  fingerprint: print(name),
  parent: print(parent),
  issuedAt,
})

const row: RotationState = {
  generation: G,
  current: print('C'),
  previous: print('P'),
  turnedAt: S,
  switchedAt: null,
}
const login: RotationState = { ...row, generation: 0, previous: null }

const current = token(G, 'C', 'P')
const sibling = token(G, 'other child of P', 'P')
const child = token(G + 1, 'child', 'C')
const parent = token(G - 1, 'P', 'grandparent')

const turnedTo = (next: Presented, recordedAt: number): RotationState => ({
  generation: next.generation,
  current: next.fingerprint,
  previous: next.parent,
  turnedAt: recordedAt,
  switchedAt: null,
})

describe('current: the token the row records', () => {
  it('gets a child once the calm is over, and nothing is written', () => {
    expect(decide(current, row, settings, S + CALM + 1)).toStrictEqual({
      verdict: 'current',
      answer: 'child',
    })
  })

  it('gets a child at once after the login, which has no calm', () => {
    expect(decide(token(0, 'C', ''), login, settings, S)).toStrictEqual({
      verdict: 'current',
      answer: 'child',
    })
  })

  it('is not what carries the generation alone', () => {
    expect(decide(token(G, 'stranger', 'stranger'), row, settings, S + CALM + 1)).toStrictEqual({
      verdict: 'reused',
      answer: 'refuse',
    })
  })

  it('is not a fingerprint that only begins like it', () => {
    const short = { ...current, fingerprint: current.fingerprint.subarray(0, 15), parent: print('x') }
    expect(decide(short, row, settings, S).verdict).toBe('reused')
  })
})

describe('steady: the calm after a turn', () => {
  const keep = { verdict: 'steady', answer: 'keep' }

  it('keeps the current token, from the turn to the last millisecond of the calm', () => {
    expect(decide(current, row, settings, S)).toStrictEqual(keep)
    expect(decide(current, row, settings, S + CALM)).toStrictEqual(keep)
  })

  it('keeps a sibling and does not switch to it, from the turn to the last millisecond of the calm', () => {
    expect(decide(sibling, row, settings, S)).toStrictEqual(keep)
    expect(decide(sibling, row, settings, S + CALM)).toStrictEqual(keep)
  })

  it('is in force while a turn was recorded by a clock ahead of ours', () => {
    expect(decide(current, row, settings, S - TOLERANCE)).toStrictEqual(keep)
  })
})

describe('sibling: another child of the same parent', () => {
  const now = S + CALM + 1
  const switched = { ...row, current: sibling.fingerprint, switchedAt: now }

  it('becomes current and gets a child; the time of the turn stays', () => {
    expect(decide(sibling, row, settings, now)).toStrictEqual({
      verdict: 'sibling',
      answer: 'child',
      next: switched,
    })
  })

  it('counts however late it is presented', () => {
    const year = S + 365 * 86_400_000
    expect(decide(sibling, row, settings, year).verdict).toBe('sibling')
  })

  it('was issued at most the late window after the turn, to the millisecond', () => {
    expect(decide({ ...sibling, issuedAt: S + LATE }, row, settings, now).verdict).toBe('sibling')
    expect(decide({ ...sibling, issuedAt: S + LATE + 1 }, row, settings, now).verdict).toBe('reused')
  })

  it('is switched to at most once per overlap', () => {
    const busy = (switchedAt: number): RotationState => ({ ...row, switchedAt })
    expect(decide(sibling, busy(now - O), settings, now)).toStrictEqual({
      verdict: 'sibling',
      answer: 'try-again',
    })
    expect(decide(sibling, busy(now - O - 1), settings, now)).toStrictEqual({
      verdict: 'sibling',
      answer: 'child',
      next: switched,
    })
  })

  it('does not hold back the current token after a switch', () => {
    expect(decide(current, { ...row, switchedAt: now }, settings, now)).toStrictEqual({
      verdict: 'current',
      answer: 'child',
    })
  })

  it('does not exist at generation 0, which has no parent', () => {
    expect(decide(token(0, 'other', ''), login, settings, now).verdict).toBe('reused')
  })
})

describe('successor: the child of the current token', () => {
  it('turns the row and stays the refresh token', () => {
    expect(decide(child, row, settings, S + 1)).toStrictEqual({
      verdict: 'successor',
      answer: 'keep',
      next: turnedTo(child, S + 1),
    })
  })

  it('is measured from when the turn is recorded, not from when the request arrived', () => {
    expect(decide(child, row, settings, S + 1, S + 9).next?.turnedAt).toBe(S + 9)
  })

  it('turns the row at any time, and forgets an earlier switch', () => {
    const year = S + 365 * 86_400_000
    expect(decide(child, { ...row, switchedAt: S + 1 }, settings, year).next).toStrictEqual(
      turnedTo(child, year),
    )
  })

  it('turns a login, too', () => {
    const first = token(1, 'first', 'C')
    expect(decide(first, login, settings, S).next).toStrictEqual(turnedTo(first, S))
  })

  it('is not the child of a sibling: two holders have moved on', () => {
    expect(decide(token(G + 1, 'grandchild', 'other child of P'), row, settings, S + 1)).toStrictEqual({
      verdict: 'reused',
      answer: 'refuse',
    })
  })
})

describe('late: the parent of the current token', () => {
  it('gets another child until the last millisecond of the late window', () => {
    const late = { verdict: 'late', answer: 'child' }
    expect(decide(parent, row, settings, S)).toStrictEqual(late)
    expect(decide(parent, row, settings, S + LATE)).toStrictEqual(late)
  })

  it('is reuse after that', () => {
    expect(decide(parent, row, settings, S + LATE + 1).verdict).toBe('reused')
  })

  it('is only the parent itself, not its siblings and not its own parent', () => {
    expect(decide(token(G - 1, 'uncle', 'grandparent'), row, settings, S).verdict).toBe('reused')
    expect(decide(token(G - 2, 'grandparent', 'older'), row, settings, S).verdict).toBe('reused')
    expect(decide(token(G - 2, 'P', 'grandparent'), row, settings, S).verdict).toBe('reused')
  })
})

describe('ahead: a genuine token further on than its row', () => {
  const issued = (steps: number, issuedAt: number): Presented =>
    token(G + 1 + steps, 'ahead', 'its parent', issuedAt)
  const reachable = (steps: number): number => S + steps * 2 * O - TOLERANCE

  it.each([1, 2, 50])('catches the row up when %i steps can have happened since, to the millisecond', (n) => {
    const ahead = issued(n, reachable(n))
    expect(decide(ahead, row, settings, S + 1)).toStrictEqual({
      verdict: 'ahead',
      answer: 'keep',
      next: turnedTo(ahead, S + 1),
    })
    expect(decide(issued(n, reachable(n) - 1), row, settings, S + 1).verdict).toBe('reused')
  })

  it('ends the session where the operator says so', () => {
    const end = { ...settings, onDatabaseRollback: 'end' as const }
    expect(decide(issued(1, reachable(1)), row, end, S + 1)).toStrictEqual({
      verdict: 'ahead',
      answer: 'refuse',
    })
  })

  it('is more than one generation ahead: the next one must be a child of the current token', () => {
    expect(decide(token(G + 1, 'x', 'y', S + 365 * 86_400_000), row, settings, S).verdict).toBe('reused')
  })
})

describe('strict mode, an overlap of 0', () => {
  it('has no calm', () => {
    expect(decide(current, row, strict, S)).toStrictEqual({ verdict: 'current', answer: 'child' })
  })

  it('answers a successor with a child at once', () => {
    expect(decide(child, row, strict, S)).toStrictEqual({
      verdict: 'successor',
      answer: 'child',
      next: turnedTo(child, S),
    })
  })

  it('takes siblings and late parents for reuse', () => {
    expect(decide(sibling, row, strict, S).verdict).toBe('reused')
    expect(decide(sibling, row, strict, S + CALM + 1).verdict).toBe('reused')
    expect(decide(parent, row, strict, S).verdict).toBe('reused')
  })

  it('still accepts that the row went back', () => {
    const ahead = token(G + 5, 'ahead', 'its parent', S)
    expect(decide(ahead, row, strict, S)).toStrictEqual({
      verdict: 'ahead',
      answer: 'child',
      next: turnedTo(ahead, S),
    })
  })
})

describe('evidence: the use of an access token', () => {
  const after = S + CALM + 1

  it('of an older generation says nothing, not even after the late window', () => {
    expect(decideEvidence(parent, row, settings, S + LATE + 1)).toBeNull()
    expect(decideEvidence(token(0, 'first', ''), row, settings, after)).toBeNull()
  })

  it('of a sibling does not make it current', () => {
    expect(decide(sibling, row, settings, after).verdict).toBe('sibling')
    expect(decideEvidence(sibling, row, settings, after)).toBeNull()
    expect(decideEvidence(sibling, { ...row, switchedAt: after }, settings, after)).toBeNull()
  })

  it('of the current token writes nothing, in the calm and after it', () => {
    expect(decideEvidence(current, row, settings, S)).toBeNull()
    expect(decideEvidence(current, row, settings, after)).toBeNull()
  })

  it('of a child turns the row', () => {
    expect(decideEvidence(child, row, settings, S + 1)?.next).toStrictEqual(turnedTo(child, S + 1))
  })

  it('of a token ahead catches the row up, or ends the session where the operator says so', () => {
    const ahead = token(G + 2, 'ahead', 'its parent', S + 2 * O)
    expect(decideEvidence(ahead, row, settings, S + 1)?.next).toStrictEqual(turnedTo(ahead, S + 1))
    expect(decideEvidence(ahead, row, { ...settings, onDatabaseRollback: 'end' }, S + 1)).toStrictEqual({
      verdict: 'ahead',
      answer: 'refuse',
    })
  })

  it('of anything else is reuse', () => {
    const refused = { verdict: 'reused', answer: 'refuse' }
    expect(decideEvidence(token(G + 1, 'x', 'other child of P'), row, settings, after)).toStrictEqual(refused)
    expect(decideEvidence(token(G, 'x', 'y'), row, settings, after)).toStrictEqual(refused)
  })
})
