import { type RequestHandler, Router } from 'express'
import { requireSession, sessionOf } from '../../src/adapters/express/index.ts'
import type { Sessions } from '../../src/index.ts'
import type { Claims } from '../claims.ts'
import { tabPage, tabsPage } from '../pages/tabs.ts'

/** The connection stays open without a response for longer than half the `overlap`. Milliseconds. */
const SILENCE = 1500

export interface TabRoutes {
  readonly router: Router
  /** DEMO ONLY: drops responses of the refresh route. Must come before the sessions middleware. */
  readonly dropResponses: RequestHandler
}

/** Ten browser tabs side by side, and a network that loses responses. */
export function tabRoutes(sessions: Sessions<Claims>): TabRoutes {
  const router = Router()
  let toDrop = 0

  router.get('/tabs', requireSession({ optional: true }), (req, res) => {
    const session = sessionOf(req, sessions).current
    if (session === null) return res.redirect(303, '/')
    res.send(tabsPage(session.claims.name))
  })
  router.get('/tab', (_req, res) => {
    res.send(tabPage())
  })
  router.post('/api/expire', requireSession(), async (req, res) => {
    res.json({ expired: await sessions.expireAccessTokens(sessionOf(req, sessions).sessionId) })
  })
  router.post('/api/drop', requireSession(), (_req, res) => {
    toDrop = 1
    res.json({ toDrop })
  })

  return {
    router,
    dropResponses(req, res, next) {
      if (toDrop === 0 || req.method !== 'POST' || req.path !== '/session/refresh') return next()
      toDrop--
      // The server refreshes the session, but the browser gets no response.
      res.end = () => {
        setTimeout(() => req.socket.destroy(), SILENCE).unref()
        return res
      }
      next()
    },
  }
}
