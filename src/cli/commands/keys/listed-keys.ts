import type { Store } from '../../../index.ts'
import type { StoredKey } from '../../../postgres/index.ts'

export const NO_KEYS =
  'There are no signing keys. The application creates the first one when it starts, unless it passes its own as `keys.provided`.'

/**
 * `signs`: signs new tokens. `verifies`: replaced, but its tokens may still be valid. `retired`: verifies nothing, but
 * old access cookies still name their session by it.
 */
export type KeyRole = 'signs' | 'next' | 'verifies' | 'retired'

/** A row of the signing keys, without the key. */
export interface ListedKey extends StoredKey {
  readonly role: KeyRole
}

/** The signing keys in the database, newest first, with their roles at `now`. */
export async function listKeys(store: Pick<Store, 'keys'>, now: number): Promise<ListedKey[]> {
  const rows = (await store.keys()).toSorted((a, b) => b.epoch - a.epoch)
  const keys = rows.map(({ epoch, kid, algorithm, createdAt, signsFrom, verifiesUntil }) => ({
    epoch,
    kid,
    algorithm,
    createdAt: new Date(createdAt),
    signsFrom: new Date(signsFrom),
    verifiesUntil: verifiesUntil === null ? null : new Date(verifiesUntil),
  }))
  return withRoles(keys, new Date(now))
}

/** @param keys newest first */
export function withRoles(keys: readonly StoredKey[], now: Date): ListedKey[] {
  // If all keys are in the future, the earliest of them signs already.
  const signing = keys.find(({ signsFrom }) => signsFrom <= now) ?? keys.at(-1)
  return keys.map((key) => ({ ...key, role: key === signing ? 'signs' : roleOf(key, now) }))
}

function roleOf({ signsFrom, verifiesUntil }: StoredKey, now: Date): KeyRole {
  if (signsFrom > now) return 'next'
  return verifiesUntil !== null && verifiesUntil <= now ? 'retired' : 'verifies'
}
