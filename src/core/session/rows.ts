import { knownReason } from '../../portable/end-reason.ts'
import { SessionEndedError } from '../../portable/errors.ts'
import type { Engine } from '../engine.ts'
import type { EndReason, SessionRow, Store } from '../store.ts'
import { delay } from '../time/delay.ts'
import { expiryReason } from './session.ts'

/** A distributed engine may miss a row that it is moving, so a missing row is read again after these pauses, in ms. */
const REREAD_PAUSES = [100, 300, 600]

/** @returns null if four reads within a second found no row */
export async function readRow(store: Pick<Store, 'read'>, sessionId: string): Promise<SessionRow | null> {
  let row = await store.read(sessionId)
  for (const pause of REREAD_PAUSES) {
    if (row !== null) break
    await delay(pause)
    row = await store.read(sessionId)
  }
  return row
}

/** @throws SessionEndedError when the row is missing, ended or expired */
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

/** @throws SessionEndedError */
export function assertNotEnded(row: SessionRow): void {
  if (row.endReason !== null) throw new SessionEndedError(row.id, knownReason(row.endReason))
}

/**
 * Refuses a session that is known to have ended, without a read. The database may have lost the end in a failover, so
 * it is repeated in the background.
 * @throws SessionEndedError
 */
export function assertLive(engine: Engine, sessionId: string): void {
  const reason = repeatKnownEnd(engine, sessionId)
  if (reason !== null) throw new SessionEndedError(sessionId, reason)
}

/** @returns why the session is known to have ended, or null */
export function repeatKnownEnd(
  { revocations, lostEnds }: Pick<Engine, 'revocations' | 'lostEnds'>,
  sessionId: string,
): EndReason | null {
  const reason = revocations.endOf(sessionId)
  // Every release has a code for `revoked`. The text of another reason is lost with the end.
  if (reason !== null) lostEnds.repeat(sessionId, reason === 'other' ? 'revoked' : reason)
  return reason
}

/**
 * Compares a committed row with the known ends. If the row has ended, records that, so that access tokens of the
 * session are refused too.
 * @throws SessionEndedError if the row is active although its session is known to have ended
 */
export function compareEnds(engine: Engine, row: SessionRow | null): void {
  if (row === null) return
  if (row.endReason === null) assertLive(engine, row.id)
  else engine.revocations.addEnd(row.id, row.endReason)
}

/** Whether a stored row is that of the login that `row` belongs to. With equal random bytes, only the user may differ. */
export function isOfSameLogin(stored: SessionRow | null | undefined, row: SessionRow): boolean {
  return stored?.userId === row.userId && Buffer.compare(stored.current, row.current) === 0
}
