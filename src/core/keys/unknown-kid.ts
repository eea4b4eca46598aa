import type { Clock } from '../time/clock.ts'

/** Milliseconds. */
const INTERVAL = 10_000

/** A token with an unknown `kid` may be of a new key, but anybody can make such tokens: so the keys are read again seldom. */
export function limitReloads(clock: Clock, reload: () => void): () => void {
  let lastAt = Number.NEGATIVE_INFINITY
  return () => {
    const now = clock.now()
    if (now - lastAt < INTERVAL) return
    lastAt = now
    reload()
  }
}
