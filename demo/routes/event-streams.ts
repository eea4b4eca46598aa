import type { Request, Response } from 'express'
import { sessionOf } from '../../src/adapters/express/index.ts'
import type { EventName, SessionEvents, Sessions } from '../../src/index.ts'
import type { Claims } from '../claims.ts'

/** The session events that a page shows. */
const STREAMED = [
  'created',
  'refreshed',
  'rotated',
  'reused',
  'ended',
  'deviceBound',
  'deviceProofMissing',
] as const satisfies EventName[]

type StreamedEvent = SessionEvents[(typeof STREAMED)[number]]

/** Server-sent events: one stream per open page. */
export interface EventStreams {
  /** Streams events of the user's sessions. A user gets no events of other users. */
  connect(req: Request, res: Response): void
  /** Ends all streams. */
  close(): void
}

export function createEventStreams(sessions: Sessions<Claims>): EventStreams {
  const open = new Set<Response>()

  function connect(req: Request, res: Response): void {
    const { userId, sessionId } = sessionOf(req, sessions)

    function send(type: string, event: StreamedEvent): void {
      if (event.userId === userId)
        res.write(`data: ${JSON.stringify({ ...event, type, at: Date.now() })}\n\n`)
    }

    const removers = [
      ...STREAMED.map((name) => sessions.on(name, (event: StreamedEvent) => send(name, event))),
      // The stream ends with its session, but only after it has sent the event.
      sessions.onEnded(sessionId, () => setImmediate(() => res.end())),
    ]
    open.add(res)
    res.on('close', () => {
      open.delete(res)
      for (const remove of removers) remove()
    })
    res.set({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' }).flushHeaders()
  }

  return {
    connect,
    close() {
      for (const res of open) res.end()
    },
  }
}
