/** Work that is due regularly. It must handle its own errors. */
export interface Duty {
  /** Milliseconds. */
  readonly interval: number
  work(): Promise<void>
}

/** Background work. */
export interface Background {
  /** Resolves when the running work has finished. */
  stop(): Promise<void>
}

/** Each interval is up to this part shorter, so that processes started together drift apart. */
const JITTER = 0.1

/**
 * Runs `work` every `interval` ms, never twice at once. Does not keep the process alive. `work` must handle its own
 * errors.
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
      after * (1 - JITTER * Math.random()),
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
