import type { Engine } from '../engine.ts'
import type { Ending, OwnEndReason } from '../store.ts'

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
