import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Decision,
  decide,
  decideEvidence,
  type Presented,
  type RotationSettings,
  type RotationState,
} from '../../src/core/rotation/decision.ts'
import { print as printBuffer } from '../support/rows.ts'

const print = (name: string): Uint8Array => Uint8Array.from(printBuffer(name))
const S = 1_900_000_000_000
const TOLERANCE = 5000

/** Few names, so that fingerprints meet. */
const fingerprint = fc.constantFrom('A', 'B', 'C', 'D').map(print)
/** Near the turn, where the windows end, or anywhere. */
const time = fc.oneof(
  fc.integer({ min: -200, max: 200 }).map((seconds) => S + seconds * 1000),
  fc.integer({ min: 0, max: 3 }).map((ms) => S + 65_000 + ms),
  fc.integer({ min: 0, max: 3 }).map((ms) => S + 125_000 + ms),
  fc.integer({ min: 0, max: 2 ** 47 }),
)
const generation = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 0, max: 4 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 31 - 2 }) },
)

const presented: fc.Arbitrary<Presented> = fc.record({
  generation,
  fingerprint,
  parent: fingerprint,
  issuedAt: time,
})
const row: fc.Arbitrary<RotationState> = fc.record({
  generation,
  current: fingerprint,
  previous: fc.option(fingerprint),
  turnedAt: fc.constant(S),
  switchedAt: fc.option(time),
})
const settingsWith = (overlap: fc.Arbitrary<number>): fc.Arbitrary<RotationSettings> =>
  fc
    .record({
      overlap,
      late: fc.constantFrom(0, 90_000),
      onDatabaseRollback: fc.constantFrom('accept' as const, 'end' as const),
    })
    .map(({ overlap, late, onDatabaseRollback }) => ({
      overlap,
      gracePeriod: overlap + late,
      tolerance: TOLERANCE,
      onDatabaseRollback,
    }))
const settings = settingsWith(fc.constantFrom(0, 1000, 30_000, 300_000))
const forgiving = settingsWith(fc.constantFrom(1000, 30_000, 300_000))

/** Many cases: the function is pure and costs a microsecond. */
const CASES = { numRuns: 1000 }

const refused = (decision: Decision): boolean => decision.answer === 'refuse'

describe('any token that meets any row', () => {
  it('is decided, and an answer always fits its verdict', () => {
    const bytes = fc.uint8Array({ maxLength: 40 })
    const wild = fc.oneof(fingerprint, bytes)
    const number = fc.oneof(fc.double(), fc.integer(), time)
    fc.assert(
      fc.property(
        fc.record({ generation: number, fingerprint: wild, parent: wild, issuedAt: number }),
        fc.record({
          generation: number,
          current: wild,
          previous: fc.option(wild),
          turnedAt: number,
          switchedAt: fc.option(number),
        }),
        settings,
        number,
        (token, state, given, now) => {
          const { verdict, answer } = decide(token, state, given, now)
          const strict = given.overlap === 0
          const allowed = {
            current: ['child'],
            steady: ['keep'],
            sibling: ['child', 'try-again'],
            successor: [strict ? 'child' : 'keep'],
            late: ['child'],
            ahead: [given.onDatabaseRollback === 'end' ? 'refuse' : strict ? 'child' : 'keep'],
            renewed: [],
            reused: ['refuse'],
          }
          expect(allowed[verdict]).toContain(answer)
        },
      ),
      CASES,
    )
  })

  it('is decided the same way every time, and neither of them is touched', () => {
    fc.assert(
      fc.property(presented, row, settings, time, time, (token, state, given, now, recordedAt) => {
        const before = structuredClone({ token, state, given })
        const decision = decide(token, state, given, now, recordedAt)
        expect({ token, state, given }).toEqual(before)
        expect(decide(before.token, before.state, before.given, now, recordedAt)).toEqual(decision)
      }),
      CASES,
    )
  })

  it('writes to the row only as sibling, successor or ahead, and never when it is refused', () => {
    fc.assert(
      fc.property(presented, row, settings, time, (token, state, given, now) => {
        const decision = decide(token, state, given, now)
        const writes =
          !refused(decision) &&
          (decision.verdict === 'successor' ||
            decision.verdict === 'ahead' ||
            (decision.verdict === 'sibling' && decision.answer === 'child'))
        expect(decision.next !== undefined).toBe(writes)
        if (decision.next !== undefined) expect(decision.next.current).toStrictEqual(token.fingerprint)
      }),
      CASES,
    )
  })

  it('never takes the row back; only successor and ahead take it forward, to the generation presented', () => {
    fc.assert(
      fc.property(presented, row, settings, time, time, (token, state, given, now, recordedAt) => {
        const { next, verdict } = decide(token, state, given, now, recordedAt)
        if (next === undefined) return
        if (verdict === 'sibling') {
          expect(next).toStrictEqual({ ...state, current: token.fingerprint, switchedAt: recordedAt })
          return
        }
        expect(next.generation).toBe(token.generation)
        expect(next.generation).toBeGreaterThan(state.generation)
        expect([next.turnedAt, next.switchedAt]).toStrictEqual([recordedAt, null])
      }),
      CASES,
    )
  })

  it('is decided by its arrival, not by when the decision is recorded', () => {
    fc.assert(
      fc.property(presented, row, settings, time, time, (token, state, given, now, recordedAt) => {
        const at = decide(token, state, given, now)
        const later = decide(token, state, given, now, recordedAt)
        expect([later.verdict, later.answer]).toStrictEqual([at.verdict, at.answer])
      }),
      CASES,
    )
  })

  it('in strict mode is never steady, sibling or late', () => {
    fc.assert(
      fc.property(presented, row, settingsWith(fc.constant(0)), time, (token, state, given, now) => {
        expect(['steady', 'sibling', 'late']).not.toContain(decide(token, state, given, now).verdict)
      }),
      CASES,
    )
  })
})

describe('the passing of time', () => {
  const later = fc.integer({ min: 0, max: 2 ** 40 })

  it('never turns a refusal into an acceptance', () => {
    fc.assert(
      fc.property(presented, row, settings, time, later, (token, state, given, now, wait) => {
        if (!refused(decide(token, state, given, now))) return
        expect(refused(decide(token, state, given, now + wait))).toBe(true)
      }),
      CASES,
    )
  })

  it('closes the late window once and for all', () => {
    fc.assert(
      fc.property(fingerprint, time, forgiving, time, later, (P, issuedAt, given, now, wait) => {
        const state = { generation: 2, current: print('now'), previous: P, turnedAt: S, switchedAt: null }
        const token = { generation: 1, fingerprint: P, parent: print('before'), issuedAt }
        const open = now - S <= given.gracePeriod + TOLERANCE
        expect(decide(token, state, given, now).verdict).toBe(open ? 'late' : 'reused')
        if (!open) expect(decide(token, state, given, now + wait).verdict).toBe('reused')
      }),
      CASES,
    )
  })

  it('does nothing to a sibling: whenever it is presented it is steady, switched to, or asked to come back', () => {
    fc.assert(
      fc.property(fingerprint, row, forgiving, time, time, (P, some, given, issuedAt, now) => {
        const state = { ...some, generation: 3, current: print('chosen'), previous: P }
        const token = { generation: 3, fingerprint: print('other'), parent: P, issuedAt }
        const inTime = issuedAt <= S + given.gracePeriod + TOLERANCE
        const verdicts = inTime ? ['steady', 'sibling'] : ['reused']
        expect(verdicts).toContain(decide(token, state, given, now).verdict)
      }),
      CASES,
    )
  })

  it('does nothing to the children of a current token: each is its successor, however late', () => {
    fc.assert(
      fc.property(presented, row, settings, time, later, (token, state, given, now, wait) => {
        const decision = decide(token, state, given, now)
        if (decision.answer !== 'child' || decision.verdict === 'late') return
        const child = childOf(token, 'child', now)
        const after = decision.next ?? state
        const { verdict, next } = decide(child, after, given, now + wait)
        expect(verdict).toBe('successor')
        // And what grows from it goes on.
        const grandchild = childOf(child, 'grandchild', now + wait)
        expect(decide(grandchild, next!, given, now + 2 * wait).verdict).toBe('successor')
      }),
      CASES,
    )
  })

  it('does nothing to the child of a late token either, unless the row has turned again', () => {
    fc.assert(
      fc.property(presented, row, forgiving, time, later, (token, state, given, now, wait) => {
        if (decide(token, state, given, now).verdict !== 'late') return
        const child = childOf(token, 'child', now)
        expect(refused(decide(child, state, given, now + wait))).toBe(false)
      }),
      CASES,
    )
  })
})

describe('two holders of one token', () => {
  const steps = fc.array(
    fc.record({ who: fc.constantFrom('A', 'B', 'a', 'b'), wait: fc.integer({ min: 0, max: 200_000 }) }),
    { maxLength: 20 },
  )
  const A = { generation: 2, fingerprint: print('A'), parent: print('root'), issuedAt: S }
  const B = { generation: 2, fingerprint: print('B'), parent: print('root'), issuedAt: S }
  const start: RotationState = {
    generation: 2,
    current: A.fingerprint,
    previous: print('root'),
    turnedAt: S,
    switchedAt: null,
  }

  it('never both get their grandchildren past the row: the first one turns it, the other one is refused', () => {
    fc.assert(
      fc.property(steps, forgiving, (order, given) => {
        const tokens = { A, B, a: childOf(A, 'a', S), b: childOf(B, 'b', S) }
        const turnedBy = new Set<string>()
        let state = start
        let now = S
        for (const { who, wait } of order) {
          now += wait
          const { verdict, next, answer } = decide(tokens[who], state, given, now)
          if (turnedBy.size > 0 && (who === 'a' || who === 'b') && !turnedBy.has(who))
            expect(verdict).toBe('reused')
          if (answer === 'refuse') break
          if (verdict === 'successor') turnedBy.add(who)
          state = next ?? state
        }
        expect(turnedBy.size).toBeLessThanOrEqual(1)
      }),
      CASES,
    )
  })
})

describe('the use of an access token', () => {
  it('says what presenting its twin would, but never of an older generation, and never makes a sibling current', () => {
    fc.assert(
      fc.property(presented, row, settings, time, (token, state, given, now) => {
        const said = decideEvidence(token, state, given, now)
        const decision = decide(token, state, given, now)
        const silent =
          token.generation < state.generation ||
          decision.verdict === 'sibling' ||
          (decision.next === undefined && !refused(decision))
        expect(said).toStrictEqual(silent ? null : decision)
      }),
      CASES,
    )
  })

  it('says nothing long after the issue of the token, except that the row records another parent', () => {
    fc.assert(
      fc.property(presented, row, settings, time, (token, state, given, now) => {
        const late = token.issuedAt + given.gracePeriod + TOLERANCE + 1
        const said = decideEvidence(token, state, given, now, late)
        const recorded = token.generation === state.generation ? state.previous : state.current
        if (said === null) return
        expect(said).toMatchObject({ answer: 'refuse' })
        expect([state.generation, state.generation + 1]).toContain(token.generation)
        expect(Buffer.compare(token.parent, recorded!)).not.toBe(0)
      }),
      CASES,
    )
  })
})

function childOf(parent: Presented, name: string, issuedAt: number): Presented {
  return {
    generation: parent.generation + 1,
    fingerprint: print(name),
    parent: parent.fingerprint,
    issuedAt,
  }
}
