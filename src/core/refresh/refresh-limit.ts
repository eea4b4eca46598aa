import { TryAgainError } from '../../portable/errors.ts'
import type { Clock } from '../time/clock.ts'

const MINUTE = 60_000
/** Bounds the memory: after this many tokens within a minute, all counts start again. */
const MAX_TOKENS = 200_000

/**
 * Limits how often a refresh token may refresh in this process and minute. It counts by token, not by session:
 * otherwise one holder of a copied session could use up the refreshes of the other.
 */
export interface RefreshLimit {
  /** Counts a refresh. @throws TryAgainError with the seconds until the next minute */
  count(fingerprint: string): void
}

/** @param limit refreshes per token and minute; `null` for no limit */
export function createRefreshLimit(limit: number | null, clock: Clock): RefreshLimit {
  let minute = Number.NaN
  let counts = new Map<string, number>()
  return {
    count(fingerprint) {
      if (limit === null) return
      const now = clock.now()
      const current = Math.floor(now / MINUTE)
      if (current !== minute || counts.size >= MAX_TOKENS) {
        minute = current
        counts = new Map()
      }
      const count = counts.get(fingerprint) ?? 0
      if (count >= limit) throw new TryAgainError(Math.ceil(((current + 1) * MINUTE - now) / 1000))
      counts.set(fingerprint, count + 1)
    },
  }
}
