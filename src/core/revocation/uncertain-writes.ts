import type { Store } from '../store.ts'

/** Whatever ends or changes sessions. */
const TELLING = [
  'end',
  'endByUser',
  'endBatch',
  'raiseVersion',
  'raiseVersionByUser',
  'writeClaims',
  'reauthenticate',
] as const satisfies readonly (keyof Store)[]

/**
 * The same store. A write that fails may have been committed all the same, behind a lock or a lost answer: then
 * this process does not know what it has done.
 */
export function withDoubt(store: Store, onDoubt: () => void): Store {
  const watched: Store = Object.create(store)
  for (const name of TELLING) {
    const write = (...args: never[]): Promise<never> =>
      (store[name] as (...args: never[]) => Promise<never>)(...args).catch((error: unknown) => {
        onDoubt()
        throw error
      })
    Object.assign(watched, { [name]: write })
  }
  return watched
}
