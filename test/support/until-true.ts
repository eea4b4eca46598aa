import { setImmediate } from 'node:timers/promises'
import { onTestFinished } from 'vitest'

/** Waits until `condition` holds, or the test has timed out. Unlike `vi.waitUntil`, it does not move fake timers. */
export async function untilTrue(condition: () => boolean): Promise<void> {
  let timedOut = false
  onTestFinished(() => {
    timedOut = true
  })
  while (!condition() && !timedOut) await setImmediate()
}
