import express, { type Express } from 'express'
import type { Sessions } from 'pawl'
import { expressSessions, requireSession, sessionErrors, sessionOf } from 'pawl/express'

/** Every site that may sign in here. Never take an origin from a request. */
const SITES: ReadonlyMap<unknown, string> = new Map([['shop', 'https://shop.example.com']])

/** Serves https://account.example.org, where users sign in. */
export function createAccount(sessions: Sessions): Express {
  const app = express()
  app.use(express.json(), expressSessions(sessions))

  // 3. From one domain to another one.
  app.get('/continue', requireSession({ optional: true }), async (req, res) => {
    const { site, challenge } = req.query
    const origin = SITES.get(site)
    const session = sessionOf(req, sessions)
    if (origin === undefined) {
      res.sendStatus(404)
    } else if (session.current === null) {
      res.redirect(303, `/sign-in?next=${encodeURIComponent(req.originalUrl)}`)
    } else {
      const { code } = await session.handoff({ origin, challenge: String(challenge) })
      res.set('referrer-policy', 'no-referrer').redirect(303, `${origin}/enter#${code}`)
    }
  })

  app.use(sessionErrors())
  return app
}
