import type { KeyRow } from '../store.ts'
import type { KeyInfo } from './key-ring.ts'
import { unwrapKey } from './key-wrap.ts'
import type { Secrets } from './secrets.ts'

/** The stored keys, and which of them these secrets decrypt. For a command that starts no sessions. */
export function readableKeys(
  rows: readonly KeyRow[],
  secrets: Secrets,
  realm: string,
): Pick<KeyInfo, 'epoch' | 'kid' | 'verifiesUntil' | 'usable'>[] {
  return rows.map(({ epoch, kid, algorithm, wrappedKey, verifiesUntil }) => ({
    epoch,
    kid,
    verifiesUntil: verifiesUntil === null ? null : new Date(verifiesUntil),
    usable: unwrapKey(secrets, { realm, epoch, kid, algorithm }, wrappedKey) !== null,
  }))
}
