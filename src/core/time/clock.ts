import type { Store } from '../store.ts'

/** The only source of the current time in Pawl. Milliseconds since the epoch. */
export interface Clock {
  now(): number
  /**
   * Measures the offset to the database's clock.
   * @param known a time that was read already. A slow answer says too little, so the offset is measured once more
   * @returns how far this process's clock is behind, in ms
   */
  synchronize(known?: KnownTime): Promise<number>
}

export interface KnownTime {
  /** The time of the database, in milliseconds. */
  readonly time: number
  /** The value of `performance.now()` before the question. */
  readonly askedAt: number
}

/** If wall-clock and elapsed time differ by more, somebody set the clock or the machine slept. Milliseconds. */
export const JUMP = 1000
/** A start connects first, which may take long. Milliseconds by which a time that it has read may be wrong. */
const MAX_UNCERTAINTY = 250

/**
 * The database's clock, as this process estimates it: an offset that is measured regularly, plus elapsed time. So
 * processes with wrong clocks agree, and setting a clock moves no window or timeout: it only causes a measurement.
 * An injected clock is used unchanged.
 */
export function createClock(store: Pick<Store, 'time'>, injected: (() => number) | null): Clock {
  if (injected !== null) return { now: injected, synchronize: async () => 0 }
  /** Wall-clock time and database time minus elapsed time. */
  let wallOffset = Date.now() - performance.now()
  let databaseOffset = wallOffset
  /** Whether the store has a clock of its own. The memory store has none. */
  let hasDatabaseClock = true
  let measuring: Promise<number> | null = null

  async function measure(): Promise<number> {
    const before = performance.now()
    return learn(await store.time(), before)
  }

  function learn(databaseTime: number | null, before: number): number {
    const after = performance.now()
    hasDatabaseClock = databaseTime !== null
    wallOffset = Date.now() - performance.now()
    const uncertainty = (after - before) / 2
    const measured = databaseTime === null ? wallOffset : databaseTime - (before + uncertainty)
    // A difference within the uncertainty proves nothing. Keeping the old offset avoids jitter.
    if (Math.abs(measured - databaseOffset) > uncertainty + 1) databaseOffset = measured
    return databaseTime === null ? 0 : measured - wallOffset
  }

  async function synchronize(known?: KnownTime): Promise<number> {
    if (known !== undefined) {
      const skew = learn(known.time, known.askedAt)
      if ((performance.now() - known.askedAt) / 2 <= MAX_UNCERTAINTY) return skew
    }
    measuring ??= measure().finally(() => {
      measuring = null
    })
    return measuring
  }

  return {
    now() {
      const elapsed = performance.now()
      const jump = Date.now() - elapsed - wallOffset
      if (measuring === null && Math.abs(jump) > JUMP) {
        wallOffset += jump
        // Without a database this clock is the only one. A test that fakes `Date` alone moves it at once.
        if (!hasDatabaseClock) databaseOffset = wallOffset
        // If it fails, the next regular measurement corrects the offset.
        synchronize().catch(() => {})
      }
      return Math.floor(databaseOffset + elapsed)
    },
    synchronize,
  }
}
