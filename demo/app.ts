import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler } from 'express'
import onHeaders from 'on-headers'
import { expressSessions, requireSession, sessionErrors, sessionOf } from '../src/adapters/express/index.ts'
import type { Sessions } from '../src/index.ts'
import type { Claims } from './claims.ts'
import { clientModules } from './client-modules.ts'
import { COOKIES } from './cookies.ts'
import { deviceName } from './device-name.ts'
import { sessionPage } from './pages/session.ts'
import { signInPage } from './pages/sign-in.ts'
import { deviceRoutes } from './routes/devices.ts'
import { createEventStreams } from './routes/event-streams.ts'
import { tabRoutes } from './routes/tabs.ts'
import { theftRoutes } from './routes/theft.ts'
import { securityHeaders } from './security-headers.ts'
import { cleanUserName } from './user-name.ts'

export interface Demo {
  readonly app: Express
  /** Ends the event streams. They would keep the server from closing. */
  close(): void
}

/** The demo application. It works with every store and every lifetime. */
export function createDemo(sessions: Sessions<Claims>): Demo {
  const app = express().disable('x-powered-by')
  const streams = createEventStreams(sessions)
  const run = randomUUID()

  app.use(securityHeaders)
  app.use('/assets', express.static(join(import.meta.dirname, 'public'), { index: false }))
  app.use('/pawl', clientModules())
  app.use((_req, res, next) => {
    res.set('cache-control', 'no-store')
    next()
  })
  const tabs = tabRoutes(sessions)
  app.use(tabs.dropResponses)
  app.use(allowUnbound)
  app.use(expressSessions(sessions, { cookies: COOKIES }))

  app.get('/', requireSession({ optional: true }), (req, res) => {
    const session = sessionOf(req, sessions).current
    if (session === null) return res.send(signInPage(cleanUserName(req.query['as']) ?? '', null))
    const { name } = session.claims
    res.send(sessionPage({ name, otherHost: otherHostUrl(req, name), secure: req.secure }))
  })

  app.post('/login', express.urlencoded({ extended: false, limit: '4kb' }), async (req, res) => {
    const { name: input, remember, bind } = (req.body ?? {}) as Record<string, unknown>
    const name = cleanUserName(input)
    if (name === null) return res.status(400).send(signInPage('', 'Enter a name to sign in with.'))
    res.locals['unbound'] = bind !== 'on'
    const answer = await sessionOf(req, sessions).create({
      userId: name.toLowerCase(),
      claims: { name },
      persistent: remember === 'on',
    })
    // A script gets the answer, with the challenge for `pawl/client/bind`. A form without a script gets the page.
    if (req.accepts('html', 'json') === 'json') res.json(answer)
    else res.redirect(303, '/')
  })

  // By this an open page notices that the demo was started again.
  app.get('/api/run', (_req, res) => {
    res.json({ run })
  })

  // Needs no database: the access token holds everything.
  app.get('/api/me', requireSession(), (req, res) => {
    const { userId, sessionId, claims, generation } = sessionOf(req, sessions)
    res.json({ userId, sessionId, name: claims.name, generation })
  })

  app.get('/api/session', requireSession(), async (req, res) => {
    const request = sessionOf(req, sessions)
    const session = await request.get()
    if (session === null) return res.status(404).json({ code: 'no_such_session' })
    const now = Date.now()
    res.json({
      sessionId: session.sessionId,
      device: deviceName(session.userAgent),
      bound: session.device?.kind ?? null,
      ip: session.ip,
      generation: session.generation,
      persistent: session.persistent,
      accessLeft: request.expiresAt.getTime() - now,
      refreshLeft: session.expiresAt.getTime() - now,
    })
  })

  app.get('/api/events', requireSession(), (req, res) => streams.connect(req, res))
  app.use('/api/devices', deviceRoutes(sessions))

  // A page that has lost its cookies asks why. An id is no credential, and the answer holds only the reason.
  app.get('/api/endings/:id', async (req, res) => {
    const session = await sessions.get(req.params.id)
    res.json({ reason: session === null ? 'deleted' : session.endReason })
  })

  app.use(tabs.router)
  app.use(theftRoutes())
  app.use(sessionErrors())
  app.use(handleError)
  return { app, close: () => streams.close() }
}

/** DEMO ONLY: a login without the checkbox does not ask Chrome to bind the session. */
const allowUnbound: RequestHandler = (_req, res, next) => {
  onHeaders(res, () => {
    if (res.locals['unbound'] === true) res.removeHeader('secure-session-registration')
  })
  next()
}

/** This page at `localhost` instead of `127.0.0.1`, or the reverse. A browser keeps separate cookies for each. */
function otherHostUrl(req: Request, name: string): string {
  const host = req.headers.host ?? ''
  const other = host.startsWith('localhost')
    ? host.replace('localhost', '127.0.0.1')
    : host.replace(/^[^:]+/, 'localhost')
  return `${req.protocol}://${other}/?as=${encodeURIComponent(name)}`
}

const handleError: ErrorRequestHandler = (error: { status?: unknown }, _req, res, next) => {
  if (res.headersSent) return next(error)
  const status = typeof error.status === 'number' ? error.status : 500
  if (status >= 500) console.error(error)
  res
    .status(status)
    .type('text')
    .send(status >= 500 ? 'Something went wrong.' : 'Bad request.')
}
