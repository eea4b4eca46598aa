/**
 * Calls a function, and waits for it until a signal aborts. A late result is discarded.
 * @throws the reason of the signal; an `AbortError` where signals have none
 */
export async function unlessAborted<T>(
  signal: AbortSignal | null | undefined,
  call: () => PromiseLike<T> | T,
): Promise<T> {
  let giveUp: () => void
  const aborted = new Promise<never>((_, reject) => {
    giveUp = () => reject(signal!.reason ?? Object.assign(new Error('Aborted'), { name: 'AbortError' }))
    signal?.addEventListener('abort', giveUp)
  })
  try {
    if (signal?.aborted) giveUp!()
    return await Promise.race([aborted, signal?.aborted || call()] as [Promise<never>, T])
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
  // A suspended app fires its timer on return, before what has arrived meanwhile. Two timers leave time for that.
  let timer = setTimeout(() => {
    timer = setTimeout(() => giveUp.abort(), ms / 2)
  }, ms / 2)
  try {
    return await unlessAborted(giveUp.signal, () => call(giveUp.signal))
  } finally {
    clearTimeout(timer)
  }
}
