import { SessionEndedError, TryAgainError } from '../../portable/errors.ts'
import type { Engine } from '../engine.ts'
import type { SessionRow, SessionWrites } from '../store.ts'
import { endInRefresh } from './ending.ts'
import { assertRowsVisible } from './missing-row.ts'
import { latestAbsoluteExpiry } from './renewal.ts'
import { readRow, repeatKnownEnd } from './rows.ts'

/** With more, the refreshes of a session would read too many rows, and its access tokens name too many. */
export const MAX_ANCESTORS = 4

/** The sessions that a session ends with, if all of them are active. */
export interface ActiveAncestors {
  readonly ended: false
  /** The parent first, then its parent. */
  readonly ids: readonly string[]
  /** When the first of them expires at the latest, in ms. */
  readonly until: number
}

/** The sessions that a session ends with, or how one of them has ended. */
export type Ancestors = ActiveAncestors | { readonly ended: 'yes' | 'missing' }

/**
 * Reads the parent of a session, then the parent of that. The idle expiry of a parent does not count: the user is active in the
 * session that ends with it, and only the parent's own token could tell.
 * @param transaction reads inside a transaction of the application. That must not stay open for repeated reads
 */
export async function readAncestors(
  engine: Engine,
  parentId: string | null,
  now: number,
  transaction: Pick<SessionWrites, 'read'> | null = null,
): Promise<Ancestors> {
  const ids: string[] = []
  let until = Number.POSITIVE_INFINITY
  for (let id = parentId; id !== null; ) {
    if (ids.length === MAX_ANCESTORS || repeatKnownEnd(engine, id) !== null) return { ended: 'yes' }
    const row: SessionRow | null = await (transaction?.read(id) ?? readRow(engine.store, id))
    if (row === null) {
      if (transaction === null) await assertRowsVisible(engine)
      return { ended: 'missing' }
    }
    if (row.endReason !== null) {
      // The end may not be committed.
      if (transaction === null) engine.revocations.addEnd(id, row.endReason)
      return { ended: 'yes' }
    }
    until = Math.min(until, latestAbsoluteExpiry(row) ?? until)
    if (now >= until) return { ended: 'yes' }
    ids.push(id)
    id = row.parentId
  }
  return { ended: false, ids, until }
}

/** As {@link readAncestors}. @throws SessionEndedError if one of them has ended */
export async function requireAncestors(
  engine: Engine,
  { id, parentId }: Pick<SessionRow, 'id' | 'parentId'>,
  now: number,
  transaction?: Pick<SessionWrites, 'read'> | null,
): Promise<ActiveAncestors> {
  const ancestors = await readAncestors(engine, parentId, now, transaction)
  if (ancestors.ended === false) return ancestors
  throw new SessionEndedError(id, ancestors.ended === 'yes' ? 'revoked' : 'unknown')
}

/**
 * For a refresh: ends the session if one that it ends with has ended. A missing row ends nothing, since the database may have
 * lost it.
 * @throws SessionEndedError, TryAgainError
 */
export async function continueWithAncestors(
  engine: Engine,
  row: SessionRow,
  now: number,
): Promise<ActiveAncestors> {
  const ancestors = await readAncestors(engine, row.parentId, now)
  if (ancestors.ended === false) return ancestors
  if (ancestors.ended === 'missing') throw new SessionEndedError(row.id, 'unknown')
  // A call may have kept this session, and ended its parent, since the row was read.
  const current = await engine.store.read(row.id)
  if (current !== null && current.parentId !== row.parentId) throw new TryAgainError()
  return await endInRefresh(engine, row, 'revoked')
}
