import type { Store } from './store.ts'

/** The one clock: every time in Pawl comes from it, or from a parameter. Milliseconds since the epoch. */
export interface Clock {
  now(): number
  /** Measures how far this process's clock is from the database's. @returns the difference in ms */
  synchronize(): Promise<number>
}

/**
 * The process clock plus its offset to the database's, so that all processes agree however wrong
 * their own clocks are. An injected clock is taken as it is.
 */
export function createClock(store: Pick<Store, 'time'>, injected: (() => number) | null): Clock {
  if (injected !== null) return { now: injected, synchronize: async () => 0 }
  let offset = 0
  return {
    now: () => Date.now() + offset,
    async synchronize() {
      const before = Date.now()
      const theirs = await store.time()
      const after = Date.now()
      if (theirs === null) return 0
      const uncertainty = (after - before) / 2
      const measured = theirs - (before + uncertainty)
      // Within the uncertainty of the measurement the old offset is as good, and time does not jitter.
      if (Math.abs(measured - offset) > uncertainty + 1) offset = Math.round(measured)
      return measured
    },
  }
}
