import type { Request, Response } from 'express'
import { sessionOf } from '../src/adapters/express/index.ts'
import type { EventName, SessionEvents, Sessions } from '../src/index.ts'
import type { Claims } from './app.ts'

/** What the browser gets of a session event: never more than concerns its user. */
const SHOWN = ['created', 'refreshed', 'rotated', 'reused', 'ended'] as const satisfies EventName[]

type Shown = SessionEvents[(typeof SHOWN)[number]]

/** Server-sent events, one stream per open page. */
export interface EventStreams {
  /** Answers a request with the events of its user's sessions from now on. */
  connect(req: Request, res: Response): void
  /** Ends all streams. */
  close(): void
}

export function createEventStreams(sessions: Sessions<Claims>): EventStreams {
  const open = new Set<Response>()

  function connect(req: Request, res: Response): void {
    const { userId, sessionId } = sessionOf(req, sessions)

    function send(type: string, event: Shown): void {
      if (event.userId === userId)
        res.write(`data: ${JSON.stringify({ ...event, type, at: Date.now() })}\n\n`)
    }

    const removers = [
      ...SHOWN.map((name) => sessions.on(name, (event: Shown) => send(name, event))),
      // The stream was opened by this session, so it must not outlive it; the event itself goes first.
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
