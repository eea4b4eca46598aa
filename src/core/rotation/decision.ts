import type { Presented } from '../../portable/presented.ts'
import { sameBytes } from '../keys/same-bytes.ts'

/**
 * The decision of the rotation protocol: a pure function of a presented refresh token, the row of the session and
 * the time, without database, clock or token format. docs/protocol.md has the table that it implements and the reason
 * for each case.
 */

export type { Presented } from '../../portable/presented.ts'

/** The rotation state of a row: (g, C, P, S) in docs/protocol.md, and the time of the last sibling switch. */
export interface RotationState {
  readonly generation: number
  readonly current: Uint8Array
  /** `null` at generation 0. */
  readonly previous: Uint8Array | null
  /** When the last turn was written. All windows start here. */
  readonly turnedAt: number
  /** When `current` was last switched to a sibling in this generation. */
  readonly switchedAt: number | null
}

/** All in milliseconds. */
export interface RotationSettings {
  /** O: the longest time from sending a request to receiving its response. 0 is strict mode: every race is a reuse. */
  readonly overlap: number
  /** L: how long after a turn the previous token is still accepted. */
  readonly gracePeriod: number
  /** e: the largest difference between the clocks of two processes. Added to every window. */
  readonly tolerance: number
  /** Whether a token that is ahead of the row brings the row up to date or ends the session. */
  readonly onDatabaseRollback: 'accept' | 'end'
}

/**
 * The decision about a presented refresh token (docs/protocol.md).
 *
 * - `current`: the row has this token. Pawl issues its child.
 * - `steady`: the last turn was moments ago. The client keeps the token and gets a new access token.
 * - `sibling`: another child of the same parent. It becomes the current token.
 * - `successor`: a child of the current token. The row turns to it.
 * - `late`: the previous token, within `rotation.gracePeriod`. Pawl issues a child of it.
 * - `ahead`: the database has lost commits. The row turns to the token, or the session ends
 *   (`rotation.onDatabaseRollback`).
 * - `renewed`: the token of a pending renewal. The row turns to its lineage.
 * - `reused`: a superseded token. The session ends.
 */
export type Verdict = 'current' | 'steady' | 'sibling' | 'successor' | 'late' | 'ahead' | 'renewed' | 'reused'

/**
 * The answer, and the state to write by compare-and-set; without `next`, write nothing.
 * - `child`: return a new refresh token of generation n+1 (`late`: of generation g).
 * - `keep`: return a new access token only; the presented refresh token stays valid.
 * - `try-again`: change nothing; the client retries.
 * - `refuse`: end the session.
 */
export interface Decision {
  readonly verdict: Verdict
  readonly answer: 'child' | 'keep' | 'try-again' | 'refuse'
  readonly next?: RotationState
}

/**
 * @param now when the request arrived: a slow database must not count as the client's delay
 * @param recordedAt the time of the turn; becomes S
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
    const isCurrent = sameBytes(f, C)
    const isSibling =
      !isCurrent && !strict && g > 0 && P !== null && sameBytes(p, P) && t <= S + gracePeriod + tolerance
    if (isCurrent || isSibling) {
      // The calm after a turn: responses of the last generation may still arrive and exchange siblings in the
      // cookie jar. To rotate now would give one honest browser two refresh tokens.
      if (!strict && g > 0 && now - S <= 2 * overlap + tolerance) {
        return { verdict: 'steady', answer: 'keep' }
      }
      if (isCurrent) return { verdict: 'current', answer: 'child' }
      // Bounds the durable writes of two holders that keep switching. An honest browser keeps one sibling.
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
  if (n === g + 1 && sameBytes(p, C)) {
    return { verdict: 'successor', answer: strict ? 'child' : 'keep', next: turned(C) }
  }
  if (n === g - 1 && !strict && P !== null && sameBytes(f, P) && now - S <= gracePeriod + tolerance) {
    return { verdict: 'late', answer: 'child' }
  }
  // Tokens are issued at most one generation ahead of the row. A genuine token further ahead proves that the
  // database lost commits. The time bound refuses a hoarded old token.
  const elapsed = Math.max(0, t - S + tolerance)
  if (n > g + 1 && (n - g - 1) * 2 * overlap <= elapsed) {
    if (settings.onDatabaseRollback === 'end') return { verdict: 'ahead', answer: 'refuse' }
    return { verdict: 'ahead', answer: strict ? 'child' : 'keep', next: turned(p) }
  }
  return { verdict: 'reused', answer: 'refuse' }
}

/**
 * How long after a renewal its refresh token leaves the row as it is. A request that arrives later was sent after every
 * answer to an older token had arrived or was lost. So the client keeps the token that it presents. Milliseconds.
 */
export function settleTime({ overlap, tolerance }: RotationSettings): number {
  return 2 * overlap + tolerance
}

/** How long an access token of a pending renewal lives: the refresh after it comes later than the settle time. */
export function pendingLifetime(settings: RotationSettings): number {
  return settleTime(settings) + 1000
}

/**
 * Decides on the refresh token of a pending renewal. Presented after the settle time, it replaces the lineage of the row:
 * all older tokens of the session are refused from then on.
 * @param renewedAt when the renewal was issued
 * @param now when the request arrived
 * @param recordedAt the time of the turn
 */
export function decideRenewal(
  { generation, fingerprint: current }: Presented,
  renewedAt: number,
  settings: RotationSettings,
  now: number,
  recordedAt: number = now,
): Decision {
  if (now - renewedAt <= settleTime(settings)) return { verdict: 'renewed', answer: 'keep' }
  return {
    verdict: 'renewed',
    answer: settings.overlap === 0 ? 'child' : 'keep',
    next: { generation, current, previous: null, turnedAt: recordedAt, switchedAt: null },
  }
}

/**
 * Decides by the twin of a used access token: the refresh token it was issued with. There are three differences to a
 * presented refresh token. An older generation proves nothing, because an access token outlives a turn. A sibling does
 * not become current. An access token that is first used later than L after its issue never turns the row, because a database
 * that lost commits could turn to the wrong sibling; but it still proves a theft if its parent is not the one in the row.
 * @param usedAt when the request with the access token arrived; by default right after its issue
 */
export function decideEvidence(
  evidence: Presented,
  row: RotationState,
  settings: RotationSettings,
  now: number,
  usedAt: number = evidence.issuedAt,
): Decision | null {
  if (evidence.generation < row.generation) return null
  const decision = decide(evidence, row, settings, now)
  const isLate = usedAt - evidence.issuedAt > settings.gracePeriod + settings.tolerance
  if (decision.answer === 'refuse') return isLate && !isFork(evidence, row) ? null : decision
  if (decision.next === undefined || decision.verdict === 'sibling' || isLate) return null
  return decision
}

/** Whether the row has recorded a token of the generation before that is not the parent. */
function isFork({ generation, parent }: Presented, row: RotationState): boolean {
  const recorded = generation === row.generation ? row.previous : row.current
  return generation <= row.generation + 1 && recorded !== null && !sameBytes(parent, recorded)
}
