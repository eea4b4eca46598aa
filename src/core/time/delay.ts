/**
 * Waits `ms` milliseconds. With a signal it is background work: the promise resolves as soon as the signal aborts,
 * and the timer does not keep the process alive.
 */
export function delay(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    if (signal === undefined) return
    timer.unref()
    signal.addEventListener('abort', done)
  })
}
