import { readFile } from 'node:fs/promises'
import express, { type Express } from 'express'
import type { Sessions } from 'pawl'
import { expressSessions, requireSession, sessionErrors, sessionOf } from 'pawl/express'

const API = 'https://api.example.com'
const SHOP = 'https://shop.example.com'

/** Serves the API of the app and the pages of the shop, each at its own host. */
export function createShop(sessions: Sessions): Express {
  const app = express()
  app.use(express.json(), expressSessions(sessions))

  // 1. From the app into a web view. The app sends its access token.
  app.post('/checkout-link', requireSession({ acting: false }), async (req, res) => {
    const { challenge } = req.body ?? {}
    const { code } = await sessionOf(req, sessions).handoff({
      origin: SHOP,
      challenge: String(challenge), // a request without one is refused
    })
    // No browser sends what is behind the # to a server, or in a Referer.
    res.json({ url: `${SHOP}/enter#${code}` })
  })

  // 2. From a page back to the app. The page has just signed the user in, and the user has agreed to go on in the app.
  app.post('/app-link', requireSession({ acting: false }), async (req, res) => {
    const { challenge } = req.body ?? {}
    const { code } = await sessionOf(req, sessions).handoff({
      origin: API,
      challenge: String(challenge),
      endsWithParent: false, // the app stays signed in without the browser. Within five minutes of the sign-in
    })
    // A claimed link: the system opens your app only, and no other one.
    res.json({ url: `${SHOP}/app/enter#${code}` })
  })

  // Where a code arrives: a page without scripts of others, and the request of its script.
  app.get('/enter', (_req, res) => {
    res.set({
      'content-security-policy': "default-src 'none'; script-src 'self'; connect-src 'self'",
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    })
    res.send('<!doctype html><title>Signing in</title><script type="module" src="/enter.js"></script>')
  })
  app.get('/enter.js', async (_req, res) => {
    res.type('js').send(await readFile(new URL('enter.js', import.meta.url), 'utf8'))
  })
  app.post('/enter', async (req, res) => {
    const { code, verifier } = req.body ?? {}
    // With a verifier, only a code that has a challenge is accepted. So nobody can send a code of his own to your users.
    res.json(await sessionOf(req, sessions).redeem(code, { verifier: String(verifier) }))
  })

  app.use(sessionErrors())
  return app
}
