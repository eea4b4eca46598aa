import type { Store } from '../../../index.ts'

/** What a signing key is for at the moment. */
export type KeyRole = 'signs' | 'next' | 'verifies' | 'retired'

/** A row of the signing keys, without the key. */
export interface ListedKey {
  readonly epoch: number
  readonly kid: string
  readonly algorithm: string
  readonly role: KeyRole
  readonly createdAt: Date
  readonly signsFrom: Date
  /** `null` while no later key is known. */
  readonly verifiesUntil: Date | null
}

/** The signing keys in the database, the newest first, as every process that can open them sees them at `now`. */
export async function listKeys(store: Pick<Store, 'keys'>, now: number): Promise<ListedKey[]> {
  const rows = (await store.keys()).toSorted((a, b) => b.epoch - a.epoch)
  // With nothing but keys of the future the earliest of them signs already.
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
