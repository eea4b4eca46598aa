import { type Store, StoreUnavailableError } from '../../src/index.ts'

/** A store that a test can make unavailable. */
export interface FragileStore {
  readonly store: Store
  down: boolean
}

export function fragile(store: Store): FragileStore {
  const state = { down: false }
  const wrapped = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function' || name === 'close' || name === 'using') return value
      return (...parameters: unknown[]): unknown =>
        state.down
          ? Promise.reject(new StoreUnavailableError('the database is down'))
          : (value as (...parameters: unknown[]) => unknown).apply(target, parameters)
    },
  })
  return Object.defineProperties({ store: wrapped } as FragileStore, {
    down: {
      get: () => state.down,
      set(down: boolean) {
        state.down = down
      },
    },
  })
}
