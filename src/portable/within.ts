import { isPromise } from './is-promise.ts'

/** How long Pawl waits for a function of the application, unless an option says otherwise. Milliseconds. */
export const CALLBACK_WITHIN = 10_000

/**
 * Calls a function of the application and waits for its result, at most `ms` milliseconds. A later result is
 * discarded, and so is a later error. A function that never returns cannot be stopped: it blocks the event loop.
 * @param late decides what a late function means: returns a value in its place, or throws
 */
export async function within<T>(ms: number, call: () => T | PromiseLike<T>, late: () => T): Promise<T> {
  const result = call()
  if (!isPromise<unknown>(result)) return result as T
  let timer: ReturnType<typeof setTimeout> | undefined
  const expired = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(resolve, ms, LATE)
    // Browsers and edge runtimes return a number. In Node, a timer must not keep the process alive.
    ;(timer as { unref?: () => void }).unref?.()
  })
  try {
    const first = await Promise.race([result, expired])
    return first === LATE ? late() : (first as T)
  } finally {
    clearTimeout(timer)
  }
}

const LATE: unique symbol = Symbol('late')
