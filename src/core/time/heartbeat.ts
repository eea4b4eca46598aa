import { createAge } from './age.ts'

/** How often the event loop shows that it runs, in ms. */
const INTERVAL = 250
/** After a longer pause the process was frozen or suspended, or its event loop starved. Milliseconds. */
const PAUSE = 750

/** Notices that the process did not run for a while. */
export interface Heartbeat {
  /**
   * Whether the event loop has stood still since the last call. A request may be handled before the timers that were due
   * meanwhile, so requests ask for themselves.
   */
  hasPaused(): boolean
  stop(): void
}

/** @param onPause called when a beat is late */
export function startHeartbeat(onPause: () => void): Heartbeat {
  const age = createAge()

  function hasPaused(): boolean {
    const { milliseconds } = age
    age.restart()
    return milliseconds > PAUSE
  }

  const timer = setInterval(() => {
    if (hasPaused()) onPause()
  }, INTERVAL)
  timer.unref()
  return { hasPaused, stop: () => clearInterval(timer) }
}
