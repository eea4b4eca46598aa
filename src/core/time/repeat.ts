/** Work that repeats until it is stopped. */
export interface Background {
  /** Waits for what is under way. */
  stop(): Promise<void>
}

/**
 * Runs `work` every `interval` ms, up to a tenth earlier, so that a fleet started together does not ask
 * together. Never two at once; keeps no process alive. `work` handles its own errors.
 */
export function repeat(
  interval: number,
  work: () => Promise<void>,
  firstAfter: number = interval,
): Background {
  let stopped = false
  let running: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout

  function schedule(after: number): void {
    timer = setTimeout(
      () => {
        running = work().finally(() => {
          if (!stopped) schedule(interval)
        })
      },
      after * (1 - 0.1 * Math.random()),
    )
    timer.unref()
  }

  schedule(firstAfter)
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
      return running
    },
  }
}
