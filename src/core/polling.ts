import type { Engine } from './engine.ts'
import { CLOCK_TOLERANCE } from './options.ts'

/** The key table is read again this often, in ms. */
const KEYS_EVERY = 60_000

/** The background loop: clock, revocations and, less often, signing keys. Never keeps the process alive. */
export function startPolling(engine: Engine): { stop(): Promise<void> } {
  const { options, clock, revocations, ring, events } = engine
  let timer: NodeJS.Timeout | null = null
  let stopped = false
  let running: Promise<void> = Promise.resolve()
  let keysAt = clock.now()

  async function once(): Promise<void> {
    const skew = await clock.synchronize()
    if (Math.abs(skew) > CLOCK_TOLERANCE) events.emit('clockSkew', { milliseconds: Math.round(skew) })
    await revocations.poll()
    if (Math.abs(clock.now() - keysAt) < KEYS_EVERY) return
    await ring.reload()
    keysAt = clock.now()
  }

  function schedule(): void {
    // Up to a tenth earlier, so that a fleet started together does not ask together.
    timer = setTimeout(
      () => {
        running = once()
          .catch((error: unknown) => {
            if (!stopped) events.emit('storeUnavailable', { during: 'poll', error })
          })
          .finally(() => {
            if (!stopped) schedule()
          })
      },
      options.pollInterval * (1 - 0.1 * Math.random()),
    )
    timer.unref()
  }

  schedule()
  return {
    async stop() {
      stopped = true
      if (timer !== null) clearTimeout(timer)
      await running
    },
  }
}
