import { type RequestHandler, Router } from 'express'
import { requireSession, sessionOf } from '../src/adapters/express/index.ts'
import type { Sessions } from '../src/index.ts'
import type { Claims } from './app.ts'
import { tabPage, tabsPage } from './pages/tabs.ts'

/** Longer than a client waits: half of the demo's overlap. Milliseconds. */
const SILENCE = 1500

export interface TabRoutes {
  readonly router: Router
  /** DEMO ONLY: loses answers of the refresh route on their way to the browser. Goes before the sessions. */
  readonly losing: RequestHandler
}

/** Ten tabs of one browser side by side, and what a network can do to them. */
export function tabRoutes(sessions: Sessions<Claims>): TabRoutes {
  const router = Router()
  let toLose = 0

  router.get('/tabs', requireSession(), (req, res) => {
    res.send(tabsPage(sessionOf(req, sessions).claims.name))
  })
  router.get('/tab', (_req, res) => {
    res.send(tabPage())
  })
  // The access token of now is over for all tabs at once.
  router.post('/api/expire', requireSession(), async (req, res) => {
    res.json({ expired: await sessions.expireAccessTokens(sessionOf(req, sessions).sessionId) })
  })
  router.post('/api/lose', requireSession(), (_req, res) => {
    toLose = 1
    res.json({ toLose })
  })

  return {
    router,
    losing(req, res, next) {
      if (toLose === 0 || req.method !== 'POST' || req.path !== '/session/refresh') return next()
      toLose--
      // Pawl does its work, and nobody hears of it.
      res.end = () => {
        setTimeout(() => req.socket.destroy(), SILENCE).unref()
        return res
      }
      next()
    },
  }
}
