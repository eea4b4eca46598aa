/** Waits for a call until a signal aborts. A late result is discarded. @throws the reason of the signal */
export async function unlessAborted<T>(signal: AbortSignal, call: PromiseLike<T> | T): Promise<T> {
  let giveUp: () => void
  try {
    return await Promise.race([
      call,
      new Promise<never>((_, reject) => {
        giveUp = () => reject(signal.reason)
        signal?.addEventListener('abort', giveUp)
      }),
    ])
  } finally {
    // A signal may live as long as the page.
    signal?.removeEventListener('abort', giveUp!)
  }
}

/**
 * Calls a function of the application, and waits for it at most `ms` milliseconds.
 * @param call gets a signal that aborts when the wait ends
 * @param ms the default bounds what does not depend on the server
 */
export async function within<T>(call: (signal: AbortSignal) => PromiseLike<T> | T, ms = 10_000): Promise<T> {
  const giveUp = new AbortController()
  const timer = setTimeout(() => giveUp.abort(), ms)
  try {
    return await unlessAborted(giveUp.signal, call(giveUp.signal))
  } finally {
    clearTimeout(timer)
  }
}
