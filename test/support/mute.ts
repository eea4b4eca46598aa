import type { Store } from '../../src/core/store.ts'

/** The store of a process that neither sends nor receives notifications. */
export function mute<S extends Store>(store: S): S {
  return { ...store, notify: async () => false, listen: () => null }
}
