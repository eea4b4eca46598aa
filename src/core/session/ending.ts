import type { Engine } from '../engine.ts'
import type { Ending, EndReason } from '../store.ts'

export function createEnding({ options }: Engine, reason: EndReason, at: number): Ending {
  return { reason, at, pruneAt: at + options.privacy.keepEnded }
}

/** Publishes the end of a session: notifies other processes, records the end in this one, emits the event. */
export function publishEnd(
  { revocations, lostEnds, feed, events }: Engine,
  sessionId: string,
  userId: string,
  reason: EndReason,
): void {
  feed.notifyPeers()
  revocations.addEnd(sessionId, reason)
  lostEnds.remember(sessionId, reason)
  events.emit('ended', { sessionId, userId, reason })
}
