/** Longest wait for the lock, in ms. */
const LOCK_WAIT = 3000
/** Wait after getting the lock, in ms: a message that another tab sent before it released the lock may arrive later. */
const MESSAGE_DELAY = 10
/** After this long, in ms, a task no longer holds up the next one: a sign-in runs code of the application. */
const TASK_LIMIT = 60_000

export type RunAlone = <T>(task: () => Promise<T> | T) => Promise<T>

/**
 * Runs tasks one after the other: within this client, and among the tabs of a browser that has Web Locks.
 * Correctness never depends on the lock. A frozen tab must not hold up the others, so waiting for the lock ends.
 *
 * @param lock name of the Web Lock; undefined: none
 */
export function createTaskQueue(lock: string | undefined): RunAlone {
  let last: Promise<unknown> = Promise.resolve()

  return (task) => {
    let release: (value?: unknown) => void
    const released = new Promise((resolve) => {
      release = resolve
    })
    const started = last.then(
      () =>
        new Promise<unknown>((start) => {
          const locks = globalThis.navigator?.locks
          if (!lock || !locks) return start(0)
          const giveUp = new AbortController()
          setTimeout(() => giveUp.abort(), LOCK_WAIT)
          locks
            .request(lock, { signal: giveUp.signal }, () => {
              setTimeout(start, MESSAGE_DELAY)
              return released
            })
            .catch(start)
        }),
    )
    last = released
    return started.then(async () => {
      const timer = setTimeout(release, TASK_LIMIT)
      try {
        return await task()
      } finally {
        clearTimeout(timer)
        release()
      }
    })
  }
}
