/** Many may be inside at once, or one alone: how tabs of a browser keep out of the way of a login. */
export interface Gate {
  /** Runs beside others, once nobody wants to be alone. */
  beside<T>(work: () => Promise<T>): Promise<T>
  /** Runs when everybody else has left; nobody enters meanwhile. */
  alone<T>(work: () => Promise<T>): Promise<T>
}

export function createGate(): Gate {
  let inside = 0
  let taken: Promise<unknown> | null = null
  let onEmpty: (() => void) | null = null

  return {
    async beside(work) {
      while (taken !== null) await taken
      inside++
      try {
        return await work()
      } finally {
        inside--
        if (inside === 0) onEmpty?.()
      }
    },
    async alone(work) {
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
      // Those who wait only wait; a failure is for the one who runs.
      taken = mine.catch(() => {})
      return mine
    },
  }
}
