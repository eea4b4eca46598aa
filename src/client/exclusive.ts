/** Longest wait for another tab's turn, in ms. */
const LOCK_WAIT = 3000
/** How long another tab's news may take, in ms: a lock may come before the message that was sent first. */
const NEWS = 10
/** After this long, in ms, a task no longer holds up the next one: a sign-in is code of the application's. */
const OVERDUE = 60_000

export type Exclusive = <T>(task: () => Promise<T> | T) => Promise<T>

/**
 * Runs tasks one after the other: within this client always, and among the tabs of a browser where it has
 * Web Locks. No task needs the lock for being right, so neither waiting for it nor holding it is without end:
 * a frozen tab must not hold up the others.
 *
 * @param lock its name; undefined for none
 */
export function createExclusive(lock: string | undefined): Exclusive {
  let queue: Promise<unknown> = Promise.resolve()

  return (task) => {
    let release: (value?: unknown) => void
    const held = new Promise((resolve) => {
      release = resolve
    })
    const turn = queue.then(
      () =>
        new Promise<unknown>((start) => {
          const locks = globalThis.navigator?.locks
          if (!lock || !locks) return start(0)
          const waiting = new AbortController()
          setTimeout(() => waiting.abort(), LOCK_WAIT)
          locks
            .request(lock, { signal: waiting.signal }, () => {
              setTimeout(start, NEWS)
              return held
            })
            .catch(start)
        }),
    )
    queue = held
    return turn.then(async () => {
      const overdue = setTimeout(release, OVERDUE)
      try {
        return await task()
      } finally {
        clearTimeout(overdue)
        release()
      }
    })
  }
}
