import { SessionEndedError } from '../../portable/errors.ts'
import type { Engine } from '../engine.ts'
import type { Ending, OwnEndReason, SessionRow } from '../store.ts'

export function createEnding({ options }: Engine, reason: OwnEndReason, at: number): Ending {
  return { reason, at, pruneAt: at + options.privacy.keepEnded }
}

/** Publishes the end of a session: notifies other processes, records the end in this one, emits the event. */
export function publishEnd(
  { revocations, lostEnds, feed, events }: Engine,
  sessionId: string,
  userId: string,
  reason: OwnEndReason,
): void {
  feed.notifyPeers()
  revocations.addEnd(sessionId, reason)
  lostEnds.remember(sessionId, reason)
  events.emit('ended', { sessionId, userId, reason })
}

/** Ends a session that its own refresh must not continue. @throws SessionEndedError always */
export async function endInRefresh(
  engine: Engine,
  { id, userId }: Pick<SessionRow, 'id' | 'userId'>,
  reason: OwnEndReason,
): Promise<never> {
  const ending = createEnding(engine, reason, engine.clock.now())
  if ((await engine.store.end(id, ending)) !== null) publishEnd(engine, id, userId, reason)
  throw new SessionEndedError(id, reason)
}
