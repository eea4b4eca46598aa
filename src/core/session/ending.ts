import type { Engine } from '../engine.ts'
import type { Ending, EndReason } from '../store.ts'

export function ending({ options }: Engine, reason: EndReason, at: number): Ending {
  return { reason, at, pruneAt: at + options.privacy.keepEnded }
}

/** After the store has ended a session: every process is told, this one refuses its tokens at once, listeners hear of it. */
export function announceEnd(
  { revocations, feed, events }: Engine,
  sessionId: string,
  userId: string,
  reason: EndReason,
): void {
  feed.tell()
  revocations.ended(sessionId, reason)
  events.emit('ended', { sessionId, userId, reason })
}
