import type { Store } from '../../../index.ts'

export const NO_KEYS =
  'There are no signing keys. The application creates the first one when it starts, unless it passes its own as `keys.provided`.'

/**
 * `signs`: signs new tokens. `verifies`: replaced, but its tokens may still be valid. `retired`: verifies nothing, but
 * old access cookies still name their session by it.
 */
export type KeyRole = 'signs' | 'next' | 'verifies' | 'retired'

/** A row of the signing keys, without the key. */
export interface ListedKey {
  readonly epoch: number
  readonly kid: string
  readonly algorithm: string
  readonly role: KeyRole
  readonly createdAt: Date
  readonly signsFrom: Date
  /** `null` until a later key exists. */
  readonly verifiesUntil: Date | null
}

/** The signing keys in the database, newest first, with their roles at `now`. */
export async function listKeys(store: Pick<Store, 'keys'>, now: number): Promise<ListedKey[]> {
  const rows = (await store.keys()).toSorted((a, b) => b.epoch - a.epoch)
  // If all keys are in the future, the earliest of them signs already.
  const signing = rows.find(({ signsFrom }) => signsFrom <= now) ?? rows.at(-1)
  return rows.map((row) => ({
    epoch: row.epoch,
    kid: row.kid,
    algorithm: row.algorithm,
    role:
      row === signing
        ? 'signs'
        : row.signsFrom > now
          ? 'next'
          : row.verifiesUntil !== null && row.verifiesUntil <= now
            ? 'retired'
            : 'verifies',
    createdAt: new Date(row.createdAt),
    signsFrom: new Date(row.signsFrom),
    verifiesUntil: row.verifiesUntil === null ? null : new Date(row.verifiesUntil),
  }))
}
