import { timingSafeEqual } from 'node:crypto'
import type { Presented } from '../../portable/presented.ts'

/**
 * The rotation protocol's decision: a pure function of a presented refresh token, the session's row
 * and the time. It knows no database, no clock and no token format. docs/protocol.md gives the table
 * this implements and the reason for each row.
 */

export type { Presented } from '../../portable/presented.ts'

/** The rotation state of a session's row: (g, C, P, S), and the time of the last sibling switch. */
export interface RotationState {
  readonly generation: number
  readonly current: Uint8Array
  /** `null` at generation 0. */
  readonly previous: Uint8Array | null
  /** When the last turn was recorded. Every window is measured from it. */
  readonly turnedAt: number
  /** When `current` was last switched to a sibling within this generation. */
  readonly switchedAt: number | null
}

/** All in milliseconds. */
export interface RotationSettings {
  /** O: how long a request and its answer may be under way. 0 is strict mode: every race is a reuse. */
  readonly overlap: number
  /** L: how long the previous token still gets an answer after a turn. */
  readonly gracePeriod: number
  /** e: how far the clocks of two processes may be apart. Added to every window. */
  readonly tolerance: number
  /** What a token further ahead than the row does: catch the row up, or end the session. */
  readonly onDatabaseRollback: 'accept' | 'end'
}

export type Verdict = 'current' | 'steady' | 'sibling' | 'successor' | 'late' | 'ahead' | 'reused'

/**
 * What to do. `next` is the state to write by compare-and-set (absent: write nothing).
 * - `child`: answer with a fresh refresh token of generation n+1 (`late`: of generation g).
 * - `keep`: answer with a new access token only; the presented refresh token stays.
 * - `try-again`: change nothing, ask the client to come back.
 * - `refuse`: end the session.
 */
export interface Decision {
  readonly verdict: Verdict
  readonly answer: 'child' | 'keep' | 'try-again' | 'refuse'
  readonly next?: RotationState
}

/**
 * @param now when the request arrived (not when it was decided: a slow database must not age it)
 * @param recordedAt when a turn decided now is recorded; becomes S
 */
export function decide(
  presented: Presented,
  row: RotationState,
  settings: RotationSettings,
  now: number,
  recordedAt: number = now,
): Decision {
  const { overlap, gracePeriod, tolerance } = settings
  const strict = overlap === 0
  const { generation: n, fingerprint: f, parent: p, issuedAt: t } = presented
  const { generation: g, current: C, previous: P, turnedAt: S, switchedAt } = row
  const turned = (previous: Uint8Array): RotationState => ({
    generation: n,
    current: f,
    previous,
    turnedAt: recordedAt,
    switchedAt: null,
  })

  if (n === g) {
    const isCurrent = same(f, C)
    const isSibling =
      !isCurrent && !strict && g > 0 && P !== null && same(p, P) && t <= S + gracePeriod + tolerance
    if (isCurrent || isSibling) {
      // The calm: answers of the last generation may still be under way, and the cookie jar may still
      // flip between siblings. Rotating before that has settled would fork one honest browser in two.
      if (!strict && g > 0 && now - S <= 2 * overlap + tolerance) {
        return { verdict: 'steady', answer: 'keep' }
      }
      if (isCurrent) return { verdict: 'current', answer: 'child' }
      // Two holders that keep switching would each pay a durable write; an honest jar has settled.
      if (switchedAt !== null && now - switchedAt <= overlap) {
        return { verdict: 'sibling', answer: 'try-again' }
      }
      return {
        verdict: 'sibling',
        answer: 'child',
        next: { ...row, current: f, switchedAt: recordedAt },
      }
    }
  }
  if (n === g + 1 && same(p, C)) {
    return { verdict: 'successor', answer: strict ? 'child' : 'keep', next: turned(C) }
  }
  if (n === g - 1 && !strict && P !== null && same(f, P) && now - S <= gracePeriod + tolerance) {
    return { verdict: 'late', answer: 'child' }
  }
  // Tokens are only ever issued one generation past the row, so a genuine one further ahead proves
  // that the row went back. The time bound keeps a hoarded old token from passing for one.
  const elapsed = Math.max(0, t - S + tolerance)
  if (n > g + 1 && (n - g - 1) * 2 * overlap <= elapsed) {
    if (settings.onDatabaseRollback === 'end') return { verdict: 'ahead', answer: 'refuse' }
    return { verdict: 'ahead', answer: strict ? 'child' : 'keep', next: turned(p) }
  }
  return { verdict: 'reused', answer: 'refuse' }
}

/**
 * What the use of an access token says about its twin, the refresh token it was issued with.
 * Two differences to a presented refresh token: an older generation says nothing (an access token
 * outlives the turn that replaced it), and a sibling does not become current.
 */
export function decideEvidence(
  evidence: Presented,
  row: RotationState,
  settings: RotationSettings,
  now: number,
): Decision | null {
  if (evidence.generation < row.generation) return null
  const decision = decide(evidence, row, settings, now)
  if (decision.answer === 'refuse') return decision
  if (decision.next === undefined || decision.verdict === 'sibling') return null
  return decision
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}
