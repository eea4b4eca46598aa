import type { Store } from '../store.ts'

/** The one clock: every time in Pawl comes from it, or from a parameter. Milliseconds since the epoch. */
export interface Clock {
  now(): number
  /** Measures how far this process's clock is from the database's. @returns the difference in ms */
  synchronize(): Promise<number>
}

/** A process clock that differs by more from the time that has elapsed was set, or the machine slept. Milliseconds. */
const JUMP = 1000

/**
 * The database's clock as this process sees it, so that all processes agree however wrong their own clocks
 * are: measured now and then, and elapsed time from there. So nobody's windows and timeouts jump when
 * somebody sets a clock; a jump only has the database asked again. An injected clock is taken as it is.
 */
export function createClock(store: Pick<Store, 'time'>, injected: (() => number) | null): Clock {
  if (injected !== null) return { now: injected, synchronize: async () => 0 }
  /** What to add to elapsed time to have the process's clock, and the database's. */
  let process = Date.now() - performance.now()
  let base = process
  let asking: Promise<number> | null = null
  /** The last answer, and the process's time it was given at: elapsed time takes longer to ask for. */
  let answered = 0
  let answeredAt = Number.NaN

  async function measure(): Promise<number> {
    const before = performance.now()
    const theirs = await store.time()
    const after = performance.now()
    process = Date.now() - performance.now()
    const uncertainty = (after - before) / 2
    const measured = theirs === null ? process : theirs - (before + uncertainty)
    // Within the uncertainty of the measurement the old offset is as good, and time does not jitter.
    if (Math.abs(measured - base) > uncertainty + 1) base = measured
    answeredAt = Number.NaN
    return theirs === null ? 0 : measured - process
  }

  function synchronize(): Promise<number> {
    asking ??= measure().finally(() => {
      asking = null
    })
    return asking
  }

  return {
    now() {
      const here = Date.now()
      if (here === answeredAt) return answered
      const elapsed = performance.now()
      if (asking === null && Math.abs(here - elapsed - process) > JUMP) {
        process = here - elapsed
        // Whatever fails is measured again with the next round in the background.
        synchronize().catch(() => {})
      }
      answered = Math.floor(base + elapsed)
      answeredAt = here
      return answered
    },
    synchronize,
  }
}
