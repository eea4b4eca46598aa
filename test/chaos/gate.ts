/** A read-write lock: the tabs of a browser share it, and a login holds it alone. */
export interface Gate {
  /** Runs `work` with the shared lock. */
  shared<T>(work: () => Promise<T>): Promise<T>
  /** Runs `work` with the exclusive lock. */
  exclusive<T>(work: () => Promise<T>): Promise<T>
}

export function createGate(): Gate {
  let inside = 0
  let taken: Promise<unknown> | null = null
  let onEmpty: (() => void) | null = null

  return {
    async shared(work) {
      while (taken !== null) await taken
      inside++
      try {
        return await work()
      } finally {
        inside--
        if (inside === 0) onEmpty?.()
      }
    },
    async exclusive(work) {
      while (taken !== null) await taken
      const run = async () => {
        if (inside > 0)
          await new Promise<void>((resolve) => {
            onEmpty = resolve
          })
        onEmpty = null
        return await work()
      }
      const mine = run().finally(() => {
        taken = null
      })
      // Waiting callers ignore a failure. Only the caller of `work` gets it.
      taken = mine.catch(() => {})
      return mine
    },
  }
}
