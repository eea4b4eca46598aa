import { setImmediate } from 'node:timers'

/** Longer lists are split, so that no statement becomes a long one. */
const MOST = 100

interface Waiting<T> {
  readonly resolve: (found: T | null) => void
  readonly reject: (error: unknown) => void
}

/**
 * Looks things up by id, and all that are asked for in one turn of the event loop by one statement: of 16
 * refreshes at once each takes less than half the time it takes alone, as most of it goes into sending
 * statements and taking answers apart. Each look begins after it was asked for, so none is out of date.
 *
 * @param one for an id that nobody shares the turn with
 */
export function gather<T extends { readonly id: string }>(
  one: (id: string) => Promise<T | null>,
  many: (ids: string[]) => Promise<T[]>,
): (id: string) => Promise<T | null> {
  let waiting = new Map<string, Waiting<T>[]>()

  function send(): void {
    const ids = [...waiting.keys()]
    const asking = waiting
    waiting = new Map()
    for (let from = 0; from < ids.length; from += MOST) void answer(ids.slice(from, from + MOST), asking)
  }

  async function answer(ids: string[], asking: ReadonlyMap<string, readonly Waiting<T>[]>): Promise<void> {
    const each = function* (): Iterable<readonly [string, Waiting<T>]> {
      for (const id of ids) for (const waiter of asking.get(id)!) yield [id, waiter]
    }
    try {
      const [only] = ids
      const found = ids.length === 1 ? [await one(only!)] : await many(ids)
      const byId = new Map(found.flatMap((row) => (row === null ? [] : [[row.id, row]])))
      for (const [id, { resolve }] of each()) resolve(byId.get(id) ?? null)
    } catch (error) {
      for (const [, { reject }] of each()) reject(error)
    }
  }

  return (id) =>
    new Promise((resolve, reject) => {
      if (waiting.size === 0) setImmediate(send)
      const waiter = { resolve, reject }
      const others = waiting.get(id)
      if (others === undefined) waiting.set(id, [waiter])
      else others.push(waiter)
    })
}
