import type { delay } from '../../src/core/time/delay.ts'

/** A module of delays that skips those a caller waits for. Background work still waits. */
export function skipDelays(original: { delay: typeof delay }): { delay: typeof delay } {
  return {
    delay: async (ms, signal) => {
      if (signal !== undefined) await original.delay(ms, signal)
    },
  }
}
