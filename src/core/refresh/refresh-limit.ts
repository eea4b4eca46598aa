import { TryAgainError } from '../../portable/errors.ts'
import type { Clock } from '../time/clock.ts'

const MINUTE = 60_000
/** Bounds the memory: after this many sessions within a minute, all counts start again. */
const MAX_SESSIONS = 200_000

/** Limits how often a session may refresh in this process and minute. */
export interface RefreshLimit {
  /** Counts a refresh. @throws TryAgainError with the seconds until the next minute */
  count(sessionId: string): void
}

/** @param limit refreshes per session and minute; `null` for no limit */
export function createRefreshLimit(limit: number | null, clock: Clock): RefreshLimit {
  let minute = Number.NaN
  let counts = new Map<string, number>()
  return {
    count(sessionId) {
      if (limit === null) return
      const now = clock.now()
      const current = Math.floor(now / MINUTE)
      if (current !== minute || counts.size >= MAX_SESSIONS) {
        minute = current
        counts = new Map()
      }
      const count = counts.get(sessionId) ?? 0
      if (count >= limit) throw new TryAgainError(Math.ceil(((current + 1) * MINUTE - now) / 1000))
      counts.set(sessionId, count + 1)
    },
  }
}
