import { StoreUnavailableError } from '../portable/errors.ts'
import type { Store } from './store.ts'

/*
 * A process on a read replica verifies, checks and lists sessions. It may not even decide a refresh: a row that the replica
 * has not received yet looks like a reused token, an idle session or a missing one.
 */

function readOnlyError(): StoreUnavailableError {
  return new StoreUnavailableError(
    'This process is read-only (`readOnly: true`): send logins, refreshes and logouts to a process on the primary.',
  )
}

/** Takes the place of a method that writes. @throws StoreUnavailableError always */
export async function refuse(): Promise<never> {
  throw readOnlyError()
}

/** Call it before a read that decides about a write. @throws StoreUnavailableError */
export function assertWrites({ readOnly }: Pick<Store, 'readOnly'>): void {
  if (readOnly === true) throw readOnlyError()
}

/** Refuses every call of a method that is not in `allowed`, so that a new method is refused, too. */
export function refuseAllBut<T extends object>(target: T, allowed: readonly (keyof T)[]): T {
  const methods = Object.keys(target).filter((name) => typeof target[name as keyof T] === 'function')
  const refused = methods.filter((name) => !allowed.includes(name as keyof T))
  // Some properties are getters.
  const copy: T = Object.defineProperties({} as T, Object.getOwnPropertyDescriptors(target))
  return Object.assign(copy, Object.fromEntries(refused.map((name) => [name, refuse])))
}
