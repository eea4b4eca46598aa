import type { Store } from '../../src/core/store.ts'
import { memory } from '../../src/memory/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from './database.ts'

/** Records the names of the methods called on the store. */
export function counting(store: Store): { store: Store; calls: string[] } {
  const calls: string[] = []
  const counted = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...parameters: unknown[]): unknown => {
        calls.push(String(name))
        return (value as (...parameters: unknown[]) => unknown)(...parameters)
      }
    },
  })
  return { store: counted, calls }
}

/** One set of sessions. Each `open` returns a store as another process would have it. */
export interface Place {
  open(): Store
}

export interface StoreKind {
  readonly name: string
  /** An empty place. */
  newPlace(): Place
}

/** Both stores, for tests that must pass on each. Call it at the top of a test file. */
export async function storeKinds(): Promise<StoreKind[]> {
  const pool = createPool(await createDatabase())
  let schemas = 0
  return [
    {
      name: 'memory',
      newPlace() {
        const store = memory()
        return { open: () => store }
      },
    },
    {
      name: 'PostgreSQL',
      newPlace() {
        const schema = `place_${++schemas}`
        return { open: () => postgres({ pool, schema }) }
      },
    },
  ]
}
