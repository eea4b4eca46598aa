import { join } from 'node:path'
import express, { type ErrorRequestHandler, type Express, type Request } from 'express'
import { expressSessions, requireSession, sessionErrors, sessionOf } from '../src/adapters/express/index.ts'
import type { Sessions } from '../src/index.ts'
import { clientModules } from './client-modules.ts'
import { deviceRoutes } from './devices.ts'
import { createEventStreams } from './event-streams.ts'
import { securityHeaders } from './headers.ts'
import { sessionPage } from './pages/session.ts'
import { LONGEST_NAME, signInPage } from './pages/sign-in.ts'
import { tabRoutes } from './tabs.ts'
import { theftRoutes } from './theft.ts'
import { deviceName } from './user-agent.ts'

/** In every access token. */
export interface Claims {
  name: string
}

export interface Demo {
  readonly app: Express
  /** Ends the event streams, which would otherwise keep the server open. */
  close(): void
}

/** The demo application, on sessions of any lifetime and store. */
export function createDemo(sessions: Sessions<Claims>): Demo {
  const app = express().disable('x-powered-by')
  const streams = createEventStreams(sessions)

  app.use(securityHeaders)
  app.use('/assets', express.static(join(import.meta.dirname, 'public'), { index: false }))
  app.use('/pawl', clientModules())
  app.use((_req, res, next) => {
    res.set('cache-control', 'no-store')
    next()
  })
  const tabs = tabRoutes(sessions)
  app.use(tabs.losing)
  app.use(expressSessions(sessions))

  app.get('/', requireSession({ optional: true }), (req, res) => {
    const session = sessionOf(req, sessions).current
    if (session === null) return res.send(signInPage(cleanName(req.query['as']) ?? '', null))
    const { name } = session.claims
    res.send(sessionPage({ name, elsewhere: elsewhere(req, name) }))
  })

  app.post('/login', express.urlencoded({ extended: false, limit: '4kb' }), async (req, res) => {
    const { name: given, remember } = (req.body ?? {}) as Record<string, unknown>
    const name = cleanName(given)
    if (name === null) return res.status(400).send(signInPage('', 'Please choose a name to sign in with.'))
    await sessionOf(req, sessions).create({
      userId: name.toLowerCase(),
      claims: { name },
      persistent: remember === 'on',
    })
    res.redirect(303, '/')
  })

  // Asks nothing of the database: the access token says it all.
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
      ip: session.ip,
      generation: session.generation,
      persistent: session.persistent,
      accessLeft: request.expiresAt.getTime() - now,
      refreshLeft: session.expiresAt.getTime() - now,
    })
  })

  app.get('/api/events', requireSession(), (req, res) => streams.connect(req, res))
  app.use('/api/devices', deviceRoutes(sessions))

  // For a page whose cookies are gone already. An id is no credential, and this tells nothing else.
  app.get('/api/endings/:id', async (req, res) => {
    const session = await sessions.get(req.params.id)
    res.json({ reason: session?.endReason ?? null })
  })

  app.use(tabs.router)
  app.use(theftRoutes())
  app.use(sessionErrors())
  app.use(failed)
  return { app, close: () => streams.close() }
}

/** Letters of any script, on one line; null when nothing is left. */
function cleanName(given: unknown): string | null {
  if (typeof given !== 'string') return null
  const name = given.normalize('NFKC').replace(/\p{C}/gu, '').replace(/\s+/g, ' ').trim()
  return name === '' ? null : [...name].slice(0, LONGEST_NAME).join('')
}

/** `localhost` for `127.0.0.1` and back: a browser keeps apart what the two set. */
function elsewhere(req: Request, name: string): string {
  const host = req.headers.host ?? ''
  const other = host.startsWith('localhost')
    ? host.replace('localhost', '127.0.0.1')
    : host.replace(/^[^:]+/, 'localhost')
  return `http://${other}/?as=${encodeURIComponent(name)}`
}

const failed: ErrorRequestHandler = (error: { status?: unknown }, _req, res, next) => {
  if (res.headersSent) return next(error)
  const status = typeof error.status === 'number' ? error.status : 500
  if (status >= 500) console.error(error)
  res
    .status(status)
    .type('text')
    .send(status >= 500 ? 'Something went wrong.' : 'Bad request.')
}
