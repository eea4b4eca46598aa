import type { Request, Response } from 'express'
import { sessionOf } from '../src/adapters/express.ts'
import type { EventName, SessionEvents, Sessions } from '../src/index.ts'
import type { Claims } from './app.ts'

/** What the browser gets of a session event: never more than concerns its user. */
const SHOWN = ['created', 'refreshed', 'turned', 'reused', 'ended'] as const satisfies EventName[]

type Shown = SessionEvents[(typeof SHOWN)[number]]

/** Server-sent events, one stream per open page. */
export interface EventStreams {
  /** Answers a request with the events of its user's sessions from now on. */
  connect(req: Request, res: Response): Promise<void>
  /** Ends all streams. */
  close(): void
}

export function createEventStreams(sessions: Sessions<Claims>): EventStreams {
  const open = new Set<Response>()

  async function connect(req: Request, res: Response): Promise<void> {
    const { userId, sessionId } = sessionOf(req)
    // Most events name a session, not its user.
    const mine = new Set([sessionId])

    function send(type: string, event: Shown): void {
      if ('userId' in event && event.userId === userId) mine.add(event.sessionId)
      if (!mine.has(event.sessionId)) return
      res.write(`data: ${JSON.stringify({ ...event, type, at: Date.now() })}\n\n`)
      // The stream was opened by this session, so it must not outlive it.
      if (type === 'ended' && event.sessionId === sessionId) res.end()
    }

    const removers = SHOWN.map((name) => sessions.on(name, (event: Shown) => send(name, event)))
    open.add(res)
    res.on('close', () => {
      open.delete(res)
      for (const remove of removers) remove()
    })
    res.set({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' }).flushHeaders()
    for (const session of await sessions.list(userId)) mine.add(session.sessionId)
  }

  return {
    connect,
    close() {
      for (const res of open) res.end()
    },
  }
}
