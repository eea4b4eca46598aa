import type { Store } from '../store.ts'

/** Writes that end or change sessions, so that other processes must learn of them. */
const INVALIDATING_WRITES = [
  'end',
  'endByUser',
  'endSurplus',
  'endBatch',
  'endAgain',
  'raiseVersion',
  'raiseVersionByUser',
  'writeClaims',
  'writeClaimsByUser',
  'replaceClaims',
  'reauthenticate',
  'confirmRenewal',
] as const satisfies readonly (keyof Store)[]

/**
 * Wraps the store and passes these writes on to `track`: the database may have committed one whose answer was lost, so
 * the process must read the changes again.
 */
export function trackInvalidatingWrites(
  store: Store,
  track: <T>(write: () => Promise<T>) => Promise<T>,
): Store {
  const tracked: Store = Object.create(store)
  for (const name of INVALIDATING_WRITES) {
    const write = (...args: never[]): Promise<never> =>
      track(() => (store[name] as (...args: never[]) => Promise<never>)(...args))
    Object.assign(tracked, { [name]: write })
  }
  return tracked
}
