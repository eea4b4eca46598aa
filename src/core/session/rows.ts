import { setTimeout as sleep } from 'node:timers/promises'
import { SessionEndedError } from '../../portable/errors.ts'
import type { Engine } from '../engine.ts'
import type { SessionRow, Store } from '../store.ts'
import { expiryReason } from './session.ts'

/** Pauses before reading again a row that was not there: a distributed engine may be moving it. */
const REREAD_AFTER = [100, 300, 600]

/** @returns null only after reading four times over a second */
export async function readRow(store: Pick<Store, 'read'>, sessionId: string): Promise<SessionRow | null> {
  let row = await store.read(sessionId)
  for (const pause of REREAD_AFTER) {
    if (row !== null) break
    await sleep(pause)
    row = await store.read(sessionId)
  }
  return row
}

/** @throws SessionEndedError when the row is gone, ended or expired */
export function assertActive(
  sessionId: string,
  row: SessionRow | null,
  now: number,
): asserts row is SessionRow {
  if (row === null) throw new SessionEndedError(sessionId, 'unknown')
  assertNotEnded(row)
  const expired = expiryReason(row, now)
  if (expired !== null) throw new SessionEndedError(sessionId, expired)
}

export function assertNotEnded(row: SessionRow): void {
  if (row.endReason !== null) throw new SessionEndedError(row.id, row.endReason)
}

/** A session that was read to have ended has ended for its access tokens too. Never for a row that may not be committed. */
export function learnFrom({ revocations }: Engine, row: SessionRow | null): void {
  if (row !== null && row.endReason !== null) revocations.ended(row.id, row.endReason)
}
