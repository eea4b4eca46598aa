import type { KeyRow, Store } from '../core/store.ts'
import type { Row } from './connection.ts'
import { bytes } from './parameters.ts'
import type { Run } from './run.ts'
import { timestamp } from './times.ts'

/** The table of signing keys. */
export function createKeyStatements(
  run: Run,
): Pick<Store, 'keys' | 'insertKey' | 'retireKey' | 'deleteKeys'> {
  return {
    async keys() {
      return (await run('keys', [])).map(toKeyRow)
    },
    async insertKey(key) {
      await run('insertKey', [
        key.epoch,
        key.kid,
        key.algorithm,
        bytes(key.wrappedKey),
        timestamp(key.createdAt),
        timestamp(key.signsFrom),
      ])
    },
    async retireKey(epoch, verifiesUntil) {
      await run('retireKey', [epoch, timestamp(verifiesUntil)])
    },
    async deleteKeys(before) {
      const rows =
        before === null ? await run('deleteAllKeys', []) : await run('deleteKeys', [timestamp(before)])
      return rows.length
    },
  }
}

function toKeyRow(row: Row): KeyRow {
  return {
    epoch: row['epoch'] as number,
    kid: row['kid'] as string,
    algorithm: row['algorithm'] as string,
    wrappedKey: row['wrapped_key'] as Buffer,
    createdAt: row['created_at'] as number,
    signsFrom: row['signs_from'] as number,
    verifiesUntil: row['verifies_until'] as number | null,
  }
}
