import { SessionEndedError } from '../../portable/errors.ts'
import type { Engine } from '../engine.ts'
import type { SessionRow } from '../store.ts'
import { endInRefresh } from './ending.ts'
import { assertRowsVisible } from './missing-row.ts'
import { latestAbsoluteExpiry } from './renewal.ts'
import { readRow, repeatKnownEnd } from './rows.ts'

/** What a session that ends with another one must know of it: whether that has ended, and when it will at the latest, in ms. */
export type Parent = { readonly ended: false; readonly until: number } | { readonly ended: 'yes' | 'missing' }

const NONE: Parent = { ended: false, until: Number.POSITIVE_INFINITY }

/**
 * Reads the parent of a session. Its idle expiry does not count: the user is active in the session that ends with it, and only
 * the parent's own token could tell.
 */
export async function readParent(engine: Engine, parentId: string | null, now: number): Promise<Parent> {
  if (parentId === null) return NONE
  if (repeatKnownEnd(engine, parentId) !== null) return { ended: 'yes' }
  const row = await readRow(engine.store, parentId)
  if (row === null) {
    await assertRowsVisible(engine)
    return { ended: 'missing' }
  }
  if (row.endReason !== null) {
    engine.revocations.addEnd(row.id, row.endReason)
    return { ended: 'yes' }
  }
  const until = latestAbsoluteExpiry(row) ?? Number.POSITIVE_INFINITY
  return now < until ? { ended: false, until } : { ended: 'yes' }
}

/**
 * Ends a session whose parent has ended. A missing row ends nothing, since the database may have lost it.
 * @returns when the session expires at the latest, in ms
 * @throws SessionEndedError
 */
export async function assertParentActive(engine: Engine, row: SessionRow, now: number): Promise<number> {
  const parent = await readParent(engine, row.parentId, now)
  if (parent.ended === false) return parent.until
  if (parent.ended === 'missing') throw new SessionEndedError(row.id, 'unknown')
  return await endInRefresh(engine, row, 'revoked')
}
