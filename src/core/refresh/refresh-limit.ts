import { TryAgainError } from '../../portable/errors.ts'
import type { Clock } from '../time/clock.ts'

const MINUTE = 60_000
/** Beyond so many sessions in one minute counting begins anew, rather than take more memory. */
const MOST_SESSIONS = 200_000

/** Counts the refreshes of each session in this process, by the minute. */
export interface RefreshLimit {
  /** @throws TryAgainError with the seconds until the next minute begins */
  count(sessionId: string): void
}

export function createRefreshLimit(limit: number | null, clock: Clock): RefreshLimit {
  let minute = Number.NaN
  let counts = new Map<string, number>()
  return {
    count(sessionId) {
      if (limit === null) return
      const now = clock.now()
      const current = Math.floor(now / MINUTE)
      if (current !== minute || counts.size >= MOST_SESSIONS) {
        minute = current
        counts = new Map()
      }
      const count = counts.get(sessionId) ?? 0
      if (count >= limit) throw new TryAgainError(Math.ceil(((current + 1) * MINUTE - now) / 1000))
      counts.set(sessionId, count + 1)
    },
  }
}
