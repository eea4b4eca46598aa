import type { Engine } from '../engine.ts'
import type { NormalContext } from '../request-context.ts'
import type { RotationState } from '../rotation/decision.ts'
import { idleExpiry, pruneTime } from '../session/lifetime.ts'
import { latestAbsoluteExpiry } from '../session/renewal.ts'
import type { Expected, SessionRow, Turn } from '../store.ts'

/** The state that a compare-and-set expects: the row as it was read. */
export function expectedState({ id, generation, current }: SessionRow): Expected {
  return { id, generation, current }
}

/** The write that advances the row to `next`, with the address and user agent that caused it. */
export function createTurn(
  engine: Engine,
  row: SessionRow,
  next: RotationState,
  context: NormalContext,
): Turn {
  const { privacy } = engine.options
  // A pending renewal may outlive the lineage that turns.
  const lasting = { ...row, absoluteExpiresAt: latestAbsoluteExpiry(row) }
  const expiresAt = idleExpiry(engine, lasting, next.turnedAt)
  return {
    expected: expectedState(row),
    next,
    expiresAt,
    pruneAt: pruneTime(engine, lasting, expiresAt, next.turnedAt, row.pruneAt),
    ip: privacy.ip === 'none' ? null : (context.ip ?? row.ip),
    userAgent: privacy.userAgent ? (context.userAgent ?? row.userAgent) : null,
  }
}

/** Emits the events of a turn that the store has written. */
export function publishTurn(
  { events }: Engine,
  row: SessionRow,
  turn: Turn,
  reason: 'refresh' | 'use',
): void {
  const { id: sessionId, userId } = row
  const { generation } = turn.next
  events.emit('rotated', { sessionId, userId, generation, reason })
  if (generation > row.generation + 1)
    events.emit('rolledBack', { sessionId, userId, from: row.generation, to: generation })
  const { ip, userAgent } = turn
  if ((row.ip !== null && ip !== row.ip) || (row.userAgent !== null && userAgent !== row.userAgent)) {
    const from = { ip: row.ip, userAgent: row.userAgent }
    events.emit('contextChanged', { sessionId, userId, from, to: { ip, userAgent } })
  }
}

/** Makes every process refuse the access tokens of older versions. */
export function publishVersion(
  { revocations, feed }: Engine,
  { id, version }: Pick<SessionRow, 'id' | 'version'>,
): void {
  revocations.addVersion(id, version)
  feed.notifyPeers()
}
