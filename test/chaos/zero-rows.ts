import type { Store } from '../../src/core/store.ts'

/**
 * A store that sometimes returns no row for an existing row, as a distributed engine may while it moves the row.
 * Half of the writes that report "no row" are written nevertheless, as if their result was lost.
 */
export function withZeroRows(
  store: Store,
  probability: number,
  next: () => number,
): { readonly store: Store; readonly count: () => number } {
  let count = 0
  const misses = (): boolean => {
    if (next() >= probability) return false
    count++
    return true
  }
  const write = async <T>(work: () => Promise<T>, nothing: T): Promise<T> => {
    if (!misses()) return work()
    if (next() < 0.5) await work()
    return nothing
  }
  return {
    count: () => count,
    store: {
      ...store,
      read: async (id) => (misses() ? null : store.read(id)),
      readMany: async (ids) => (await store.readMany(ids)).filter(() => !misses()),
      turn: (turn) => write(() => store.turn(turn), false),
      async turnMany(turns) {
        const seen = turns.filter(() => !misses() || next() < 0.5)
        const written = seen.length === 0 ? [] : await store.turnMany(seen)
        return written.filter(() => !misses())
      },
      switchSibling: (expected, state) => write(() => store.switchSibling(expected, state), false),
      end: (id, ending, expected) =>
        expected === undefined ? store.end(id, ending) : write(() => store.end(id, ending, expected), null),
    },
  }
}
