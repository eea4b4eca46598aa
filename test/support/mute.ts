import type { Store } from '../../src/core/store.ts'

/** The store as of a process that can tell nobody. */
export function mute<S extends Store>(store: S): S {
  return { ...store, notify: async () => false, listen: () => null }
}
