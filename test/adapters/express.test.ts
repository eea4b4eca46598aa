import express, { type Express, type RequestHandler } from 'express'
import express4 from 'express4'
import { describe, expect, it } from 'vitest'
import {
  expressSessions,
  type HttpOptions,
  type RequestSession,
  requireSession,
  sessionErrors,
  sessionOf,
} from '../../src/adapters/express/index.ts'
import type { Sessions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import type { BearerAnswer } from '../../src/wire/names.ts'
import { createClient } from '../support/http-client.ts'
import { listen } from '../support/http-server.ts'
import { silentLogger } from '../support/logger.ts'
import { openWithClock } from '../support/sessions.ts'

const me: RequestHandler = (req, res) =>
  void res.json({ userId: (req as unknown as { session: RequestSession }).session.userId })

/** Collects the errors that reach the last error handler. */
function collectErrors(app: Express): unknown[] {
  const errors: unknown[] = []
  const last: express.ErrorRequestHandler = (error, _req, res, _next) => {
    errors.push(error)
    res.status(500).end()
  }
  app.use(last)
  return errors
}

async function login(sessions: Sessions): Promise<{ cookie: string; refreshCookie: string }> {
  const { accessToken, refreshToken } = await sessions.create({ userId: 'anna' })
  return {
    cookie: `__Host-pawl-access=${accessToken.value}`,
    refreshCookie: `__Secure-pawl-refresh=${refreshToken.value}`,
  }
}

describe.each([
  ['Express 5', express],
  ['Express 4', express4],
])('expressSessions on %s', (_name, create) => {
  it('throws if expressSessions is missing or has other sessions', async () => {
    const { sessions } = await openWithClock()
    const others = await openWithClock()
    const app = create()
    app.get('/me', requireSession(), me)
    app.get('/of', (req, res) => void res.json(sessionOf(req, sessions).userId))
    app.get('/others', expressSessions(others.sessions), (req, res) => {
      res.json(sessionOf(req, sessions).userId)
    })
    const errors = collectErrors(app)
    const client = createClient(await listen(app))
    expect((await client.send('GET', '/me')).status).toBe(500)
    expect((await client.send('GET', '/of')).status).toBe(500)
    expect((await client.send('GET', '/others')).status).toBe(500)
    expect(errors).toStrictEqual(Array(3).fill(expect.any(TypeError)))
  })

  it('sets `req.session`', async () => {
    const { sessions } = await openWithClock()
    const app = create()
    app.use(expressSessions(sessions))
    app.get('/same', (req, res) => {
      const { session } = req as unknown as { session: unknown }
      res.json(session === sessionOf(req, sessions))
    })
    const client = createClient(await listen(app))
    expect((await client.send('GET', '/same')).body).toBe(true)
  })

  it('attaches the session for the outer application and for a wrapped request', async () => {
    const { sessions } = await openWithClock()
    const part = create()
    part.use(expressSessions(sessions))
    const app = create()
    app.use(part)
    app.get('/me', me)
    app.get('/wrapped', (req, res) => void me(Object.create(req), res, () => {}))
    app.use(sessionErrors())
    const client = createClient(await listen(app))
    const { cookie } = await login(sessions)
    for (const path of ['/me', '/wrapped'])
      expect((await client.send('GET', path, { headers: { cookie } })).body).toStrictEqual({ userId: 'anna' })
    expect((await client.send('GET', '/me')).status).toBe(401)
  })

  it('does not touch `req.session` in an application without it', async () => {
    const { sessions } = await openWithClock()
    await createClient(await listen(create().use(expressSessions(sessions)))).send('GET', '/')
    const other = create()
    other.get('/', (req, res) => {
      const request = req as unknown as { session?: unknown }
      const before = request.session
      request.session = 'theirs'
      res.json({ before: before ?? null, after: request.session, own: Object.keys(req).includes('session') })
    })
    const client = createClient(await listen(other))
    expect((await client.send('GET', '/')).body).toStrictEqual({ before: null, after: 'theirs', own: true })
  })

  it('replaces a `req.session` of earlier middleware', async () => {
    const { sessions } = await openWithClock()
    const app = create()
    app.use((req, _res, next) => {
      Object.defineProperty(req, 'session', { value: { userId: 'mallory' }, writable: true })
      next()
    })
    app.use(expressSessions(sessions))
    app.get('/me', me)
    app.use(sessionErrors())
    const client = createClient(await listen(app))
    const { cookie } = await login(sessions)
    expect((await client.send('GET', '/me', { headers: { cookie } })).body).toStrictEqual({ userId: 'anna' })
    expect((await client.send('GET', '/me')).status).toBe(401)
  })

  it('keeps the sessions of concurrent requests apart, even if they share one `rawHeaders` array', async () => {
    const { sessions } = await openWithClock()
    const shared: string[] = []
    const app = create()
    app.use((req, _res, next) => {
      req.rawHeaders = shared
      next()
    })
    app.get('/unseen', requireSession(), me)
    app.use(expressSessions(sessions))
    const waiting: (() => void)[] = []
    app.get('/me', (req, res) => {
      waiting.push(() => {
        res.json(sessionOf(req, sessions).current?.userId ?? 'nobody')
      })
      // All requests wait for the last one.
      if (waiting.length === 3) for (const answer of waiting) answer()
    })
    const client = createClient(await listen(app))
    const ask = async (cookie: string) => (await client.send('GET', '/me', { headers: { cookie } })).body
    const { cookie } = await login(sessions)
    const answers = await Promise.all([ask(cookie), ask(''), ask(cookie)])
    expect(answers).toStrictEqual(['anna', 'nobody', 'anna'])
    expect((await client.send('GET', '/unseen')).status).toBe(500)
  })

  it('works as middleware of a plain Node.js server', async () => {
    const { sessions } = await openWithClock()
    const withSessions = expressSessions(sessions)
    const address = await listen((req, res) => {
      withSessions(req, res, () => {
        const { session } = req as unknown as { session: RequestSession }
        res.setHeader('content-type', 'application/json')
        res.end(
          JSON.stringify({
            userId: session.current?.userId ?? null,
            same: session === sessionOf(req, sessions),
          }),
        )
      })
    })
    const { cookie } = await login(sessions)
    expect((await createClient(address).send('GET', '/', { headers: { cookie } })).body).toStrictEqual({
      userId: 'anna',
      same: true,
    })
  })

  it('still guards routes if other middleware overwrites `req.session`', async () => {
    const { sessions } = await openWithClock()
    const app = create()
    app.use(expressSessions(sessions))
    app.use((req, _res, next) => {
      Object.assign(req, { session: { userId: 'mallory' } })
      next()
    })
    app.get('/me', requireSession(), (req, res) => {
      res.json({ userId: sessionOf(req, sessions).userId })
    })
    const client = createClient(await listen(app))
    expect((await client.send('GET', '/me')).status).toBe(401)
    const { cookie } = await login(sessions)
    expect((await client.send('GET', '/me', { headers: { cookie } })).body).toStrictEqual({ userId: 'anna' })
  })

  it('refreshes a bearer client from a body parsed by earlier middleware', async () => {
    const { sessions } = await openWithClock()
    const app = create()
    app.use(create.json())
    app.use(expressSessions(sessions))
    const client = createClient(await listen(app))
    const { refreshToken } = await sessions.create({ userId: 'anna' })
    const headers = { 'pawl-transport': 'bearer', 'content-type': 'application/json' }
    const body = JSON.stringify({ refreshToken: refreshToken.value })
    const answer = await client.send('POST', '/session/refresh', { headers, body })
    expect(answer.status).toBe(200)
    expect((answer.body as BearerAnswer).refreshToken).toMatch(/^pawl_r1_/)
    const none = await client.send('POST', '/session/refresh', { headers, body: '{}' })
    expect(none.body).toStrictEqual({ code: 'not_signed_in', refresh: false })
    const logout = await client.send('POST', '/session/logout', { headers, body })
    expect(logout.status).toBe(204)
    expect((await sessions.list('anna'))[0]!.active).toBe(false)
  })

  it('leaves the request body of other routes to the application', async () => {
    const { sessions } = await openWithClock()
    const app = create()
    app.use(expressSessions(sessions))
    app.use(create.json())
    app.post('/echo', (req, res) => void res.json(req.body))
    const client = createClient(await listen(app))
    const headers = { 'content-type': 'application/json' }
    expect((await client.send('POST', '/echo', { headers, body: '{"a":1}' })).body).toStrictEqual({ a: 1 })
  })

  it('matches its routes against the original URL if it is mounted under a prefix', async () => {
    const { sessions } = await openWithClock()
    const app = create()
    app.use('/api', expressSessions(sessions, { path: '/api/session' }))
    const client = createClient(await listen(app))
    expect((await client.send('POST', '/api/session/logout')).status).toBe(204)
    expect((await client.send('POST', '/api/api/session/logout')).status).toBe(404)
  })

  it('warns once at a sign-in if it is mounted below a path without its refresh route', async () => {
    const warned: unknown[] = []
    const warn = (fields: object, message: string): void => void warned.push([fields, message])
    const signIn = async (mount: string | RegExp | null, options: HttpOptions = {}): Promise<void> => {
      const { sessions } = await openWithClock({ logger: { ...silentLogger, warn } })
      const app = create()
      const part = create.Router()
      part.post('/login', async (req, res) => {
        res.json(await sessionOf(req, sessions).create({ userId: 'anna' }))
      })
      if (mount === null) app.use(expressSessions(sessions, options))
      else app.use(mount, expressSessions(sessions, options))
      app.use('/api', part)
      const client = createClient(await listen(app))
      for (let time = 0; time < 2; time++) expect((await client.send('POST', '/api/login')).status).toBe(200)
    }
    await signIn('/api')
    expect(warned).toStrictEqual([
      [
        { event: 'refreshUnserved' },
        expect.stringMatching(
          /mounted at \/api .* for \/session\/refresh\. Set .* `path` to '\/api\/session'/,
        ),
      ],
    ])
    await signIn(null)
    await signIn(/^\/.*/)
    await signIn('/api', { path: '/api/session' })
    await signIn('/api', { refresh: 'inline' })
    expect(warned).toHaveLength(1)
  })

  it('passes errors of the application on, and answers its own without a stack', async () => {
    const { sessions } = await openWithClock()
    const app = create()
    const applicationError = new Error('mine')
    app.use(expressSessions(sessions))
    app.get('/mine', (_req, _res, next) => next(applicationError))
    app.get('/string', (_req, _res, next) => next('a string'))
    app.get('/forgotten', me)
    app.use(sessionErrors())
    const errors = collectErrors(app)
    const client = createClient(await listen(app))
    await client.send('GET', '/mine')
    await client.send('GET', '/string')
    expect(errors).toStrictEqual([applicationError, 'a string'])
    const { status, text } = await client.send('GET', '/forgotten')
    expect([status, text]).toStrictEqual([401, '{"code":"not_signed_in","refresh":false}'])
    expect(errors).toHaveLength(2)
  })

  it('passes errors of Pawl on if it is not mounted', async () => {
    const { sessions } = await openWithClock()
    const app = create()
    app.get('/verify', () => sessions.verify('nonsense'))
    app.use(sessionErrors())
    const errors = collectErrors(app)
    await createClient(await listen(app)).send('GET', '/verify')
    expect(errors).toMatchObject([{ code: 'ERR_ACCESS_TOKEN_INVALID' }])
  })

  it('passes an error of the store on to the application', async () => {
    const store = memory()
    const { sessions } = await openWithClock({ store })
    const broken = new Error('syntax error at or near')
    const { refreshCookie } = await login(sessions)
    store.read = () => Promise.reject(broken)
    const app = create()
    app.use(expressSessions(sessions))
    const errors = collectErrors(app)
    const client = createClient(await listen(app))
    const headers = { cookie: refreshCookie }
    expect((await client.send('POST', '/session/refresh', { headers })).cookies).toStrictEqual([])
    expect(errors).toStrictEqual([broken])
  })

  it('extends a `Vary` header of the application, also on its own routes', async () => {
    const { sessions } = await openWithClock()
    const app = create()
    app.use((_req, res, next) => {
      res.vary('Origin')
      next()
    })
    app.use(expressSessions(sessions))
    app.post(
      '/login',
      async (req, res) => void res.json(await sessionOf(req, sessions).create({ userId: 'anna' })),
    )
    const client = createClient(await listen(app))
    expect((await client.send('POST', '/login')).headers.vary).toBe('Origin, Cookie')
    expect((await client.send('POST', '/session/refresh')).headers.vary).toBe('Origin, Cookie')
    expect((await client.send('POST', '/session/logout')).headers.vary).toBe('Origin, Cookie')
  })

  it('uses the forwarded address and protocol if the application trusts the proxy', async () => {
    const { sessions } = await openWithClock()
    const app = create()
    app.set('trust proxy', 'loopback')
    app.use(expressSessions(sessions))
    app.post(
      '/login',
      async (req, res) => void res.json(await sessionOf(req, sessions).create({ userId: 'anna' })),
    )
    const client = createClient(await listen(app))
    const { cookies } = await client.send('POST', '/login', {
      headers: { host: 'localhost', 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'https' },
    })
    expect(cookies[0]).toMatch(/^__Host-pawl-access=<access>; .*; Secure;/)
    expect((await sessions.list('anna'))[0]!.ip).toBe('192.0.2.7')
    const { cookies: encrypted } = await client.send('POST', '/login', {
      headers: { host: 'localhost', 'x-forwarded-proto': 'https' },
    })
    expect(encrypted[0]).toMatch(/^__Host-pawl-access=<access>; .*; Secure;/)
  })

  it('sets cookies without prefix on plain localhost', async () => {
    const { sessions } = await openWithClock()
    const app = create()
    app.use(expressSessions(sessions))
    app.post(
      '/login',
      async (req, res) => void res.json(await sessionOf(req, sessions).create({ userId: 'anna' })),
    )
    app.get('/me', requireSession(), me)
    const client = createClient(await listen(app))
    const headers = { host: 'localhost:3000' }
    expect(
      (await client.send('POST', '/login', { headers })).cookies.map((c) => c.split('=')[0]),
    ).toStrictEqual(['pawl-access', 'pawl-refresh'])
    expect((await client.send('GET', '/me', { headers })).status).toBe(200)
  })
})
