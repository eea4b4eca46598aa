import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer, getRequestListener, upgradeWebSocket } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { cors } from 'hono/cors'
import { streamText } from 'hono/streaming'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import {
  type HonoOptions,
  honoSessions,
  requireSession,
  type SessionEnv,
  sessionErrors,
  sessionOf,
} from '../../src/adapters/hono/index.ts'
import type { Sessions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import type { BearerAnswer } from '../../src/wire/names.ts'
import { FOR_CDNS, forCdns } from '../support/adapters/application.ts'
import { type Client, createClient } from '../support/http-client.ts'
import { listen } from '../support/http-server.ts'
import { silentLogger } from '../support/logger.ts'
import { openWithClock } from '../support/sessions.ts'

const NOT_SIGNED_IN = '{"code":"not_signed_in","refresh":false}'
const COOKIES = ['__Host-pawl-access', '__Secure-pawl-refresh']

type App = Hono<SessionEnv<Sessions>>

afterEach(() => vi.restoreAllMocks())

/** An application, and the errors that reach its error handler. */
function create(): { app: App; errors: unknown[] } {
  const app: App = new Hono()
  const errors: unknown[] = []
  app.onError((error, c) => {
    errors.push(error)
    return c.html('<h1>Sorry</h1>', 500, { etag: '"sorry"', 'x-sorry': 'yes' })
  })
  return { app, errors }
}
async function open(options?: HonoOptions): Promise<ReturnType<typeof create> & { sessions: Sessions }> {
  const { sessions } = await openWithClock()
  const created = create()
  created.app.use(honoSessions(sessions, options))
  return { ...created, sessions }
}
const serve = async (app: Pick<Hono, 'fetch'>): Promise<Client> =>
  createClient(await listen(getRequestListener(app.fetch)))

async function cookieOfNewSession(sessions: Sessions): Promise<Record<string, string>> {
  const { accessToken, refreshToken } = await sessions.create({ userId: 'anna' })
  return { cookie: `${COOKIES[0]}=${accessToken.value}; ${COOKIES[1]}=${refreshToken.value}` }
}
/** Sessions whose warnings are collected. */
function collecting(): { messages: string[]; of: () => Promise<Sessions> } {
  const messages: string[] = []
  const warn = (_fields: object, message: string): void => void messages.push(message)
  return {
    messages,
    of: async () => (await openWithClock({ logger: { ...silentLogger, warn } })).sessions,
  }
}

const cookieNames = (cookies: readonly string[]): string[] => cookies.map((cookie) => cookie.split('=')[0]!)
const login = async (c: Context<SessionEnv<Sessions>>): Promise<Response> =>
  c.json(await c.var.session.create({ userId: 'anna' }))

describe('honoSessions', () => {
  it('throws if it is missing, has other sessions, or gets a wrong option', async () => {
    const { sessions } = await openWithClock()
    const others = await openWithClock()
    const { app, errors } = create()
    app.get('/guarded', requireSession(), (c) => c.text('never'))
    app.get('/of', (c) => c.text(sessionOf(c, sessions).userId))
    app.use(honoSessions(others.sessions))
    app.get('/others', (c) => c.text(sessionOf(c, sessions).userId))
    const client = await serve(app)
    for (const path of ['/guarded', '/of', '/others'])
      expect((await client.send('GET', path)).status).toBe(500)
    expect(errors).toStrictEqual(Array(3).fill(expect.any(TypeError)))
    expect(() => honoSessions(sessions, { ip: 'x-forwarded-for' as never })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTIONS', option: 'ip' }),
    )
  })

  it('still guards routes if other middleware overwrites `session`', async () => {
    const { app, sessions } = await open()
    app.get('/same', (c) => c.json(c.var.session === sessionOf(c, sessions)))
    app.use((c, next) => {
      c.set('session', { userId: 'mallory' } as never)
      return next()
    })
    app.get('/me', requireSession(), (c) => c.text(sessionOf(c, sessions).userId))
    const client = await serve(app)
    expect((await client.send('GET', '/same')).body).toBe(true)
    expect((await client.send('GET', '/me')).status).toBe(401)
    expect((await client.send('GET', '/me', { headers: await cookieOfNewSession(sessions) })).text).toBe(
      'anna',
    )
  })

  it('matches its routes against the full path in a mounted application', async () => {
    const { sessions } = await openWithClock()
    const part: App = new Hono()
    part.use(honoSessions(sessions, { path: '/app/session' }))
    part.post('/login', login)
    part.get('/me', requireSession(), (c) => c.text(c.var.session.userId))
    const { app } = create()
    app.route('/app', part).get('/open', (c) => c.json(c.var.session === undefined))
    const client = await serve(app)
    const { cookies } = await client.send('POST', '/app/login')
    expect(cookies[1]).toMatch(/^__Secure-pawl-refresh=<refresh>; Path=\/app\/session;/)
    expect((await client.send('GET', '/app/me')).text).toBe('anna')
    expect((await client.send('POST', '/app/session/refresh')).status).toBe(200)
    expect((await client.send('POST', '/session/refresh')).status).toBe(404)
    expect((await client.send('GET', '/open')).body).toBe(true)
    expect((await client.send('POST', '/app/session/logout')).status).toBe(204)
  })

  it('warns once at a sign-in if it is mounted below a path without its refresh route', async () => {
    const { messages, of } = collecting()
    const { app: based } = create()
    const api = based.basePath('/api')
    api.use(honoSessions(await of()))
    api.post('/login', login)
    const below = await serve(based)
    for (let time = 0; time < 2; time++) expect((await below.send('POST', '/api/login')).status).toBe(200)
    expect(messages).toStrictEqual([
      expect.stringMatching(/mounted at \/api .* for \/session\/refresh\. Set .* `path` to '\/api\/session'/),
    ])
    for (const [pattern, options] of [
      ['*', {}],
      ['/api/*', { path: '/api/session' }],
      ['/api/*', { refresh: 'inline' }],
      ['/:part/*', {}],
    ] as const) {
      const { app } = create()
      app.use(pattern, honoSessions(await of(), options))
      app.route('/api', new Hono<SessionEnv<Sessions>>().post('/login', login))
      expect((await (await serve(app)).send('POST', '/api/login')).status).toBe(200)
    }
    expect(messages).toHaveLength(1)
  })

  it('leaves a handler without a response to Hono', async () => {
    const { app, errors } = await open()
    app.post('/forgot', (async (c: Context<SessionEnv<Sessions>>) => void (await login(c))) as never)
    const { status } = await (await serve(app)).send('POST', '/forgot')
    expect([status, errors]).toStrictEqual([500, [expect.any(Error)]])
  })
})

describe('the client address', () => {
  it('is the address of the socket, whatever the headers say', async () => {
    const { app, sessions } = await open()
    app.post('/login', login)
    const client = await serve(app)
    const headers = { 'x-forwarded-for': '192.0.2.7', forwarded: 'for=192.0.2.7', 'x-real-ip': '192.0.2.7' }
    await client.send('POST', '/login', { headers })
    expect((await sessions.list('anna'))[0]!.ip).toBe('127.0.0.1')
  })

  it('is the result of `ip`, or the address of the socket if `ip` returns nothing', async () => {
    const { app, sessions } = await open({ ip: (c) => c.req.header('fly-client-ip') })
    app.post('/login/:user', async (c) => c.json(await c.var.session.create({ userId: c.req.param('user') })))
    const client = await serve(app)
    await client.send('POST', '/login/anna', { headers: { 'fly-client-ip': '192.0.2.7' } })
    await client.send('POST', '/login/berta')
    expect((await sessions.list('anna'))[0]!.ip).toBe('192.0.2.7')
    expect((await sessions.list('berta'))[0]!.ip).toBe('127.0.0.1')
  })

  it.each([
    ['the bindings of a runtime with a socket', { incoming: { socket: { remoteAddress: '192.0.2.1' } } }],
    [
      'the same bindings below `server`',
      { server: { incoming: { socket: { remoteAddress: '192.0.2.1' } } }, incoming: 1 },
    ],
    // A service binding of a Worker has every property, as a function.
    ['bindings of another shape', { server: { incoming: { socket: { remoteAddress: () => '192.0.2.1' } } } }],
    ['no bindings', undefined],
  ])('comes from the socket in the bindings, if there is one: %s', async (what, env) => {
    const { app, sessions } = await open()
    app.post('/login', login)
    const { status } = await app.request('https://app.example.com/login', { method: 'POST' }, env)
    expect(status).toBe(200)
    expect((await sessions.list('anna'))[0]!.ip).toBe(/socket|server/.test(what) ? '192.0.2.1' : null)
  })

  it('must be local for cookies without `Secure` on plain localhost', async () => {
    const { app } = await open()
    app.post('/login', login)
    const client = await serve(app)
    const from = async (headers: Record<string, string>): Promise<string[]> =>
      cookieNames((await client.send('POST', '/login', { headers })).cookies)
    expect(await from({ host: 'localhost:3000' })).toStrictEqual(['pawl-access', 'pawl-refresh'])
    expect(await from({ host: 'localhost:3000', 'x-forwarded-for': '192.0.2.7' })).toStrictEqual(COOKIES)
    const elsewhere = { incoming: { socket: { remoteAddress: '192.0.2.1' } } }
    const answer = await app.request('http://localhost:3000/login', { method: 'POST' }, elsewhere)
    expect(cookieNames(answer.headers.getSetCookie())).toStrictEqual(COOKIES)
  })
})

describe('middleware around honoSessions', () => {
  it('keeps its headers beside those of Pawl', async () => {
    const { sessions } = await openWithClock()
    const { app } = create()
    const seen: unknown[] = []
    app.use(async (c, next) => {
      c.res.headers.append('set-cookie', 'theirs=1')
      c.header('vary', 'Origin')
      c.header('cache-control', 'public')
      for (const [name, value] of Object.entries(FOR_CDNS)) c.header(name, value)
      await next()
      seen.push([c.res.status, c.res.headers.get('cache-control')])
    })
    app.use(honoSessions(sessions))
    app.get('/me', requireSession(), (c) => c.text(c.var.session.userId))
    app.get('/forgotten', (c) => c.text(c.var.session.userId))
    app.post('/login', login)
    const client = await serve(app)
    const head = async (method: string, path: string, headers = {}): Promise<unknown> => {
      const { status, headers: received, cookies } = await client.send(method, path, { headers })
      expect(forCdns(received)).toStrictEqual([])
      return [status, received.vary, received['cache-control'], cookieNames(cookies)]
    }
    const own = ['Origin, Cookie', 'private, no-store', ['theirs']]
    expect(await head('GET', '/me')).toStrictEqual([401, ...own])
    expect(await head('GET', '/forgotten')).toStrictEqual([401, ...own])
    const tokens = ['Origin, Cookie', 'private, no-store', ['theirs', ...COOKIES]]
    expect(await head('POST', '/login')).toStrictEqual([200, ...tokens])
    expect(await head('POST', '/session/refresh')).toStrictEqual([200, ...tokens])
    expect(await head('GET', '/session/logout')).toStrictEqual([405, 'Origin', 'no-store', ['theirs']])
    expect(seen).toStrictEqual([
      [401, 'private, no-store'],
      [401, 'private, no-store'],
      [200, 'private, no-store'],
      [200, 'private, no-store'],
      [405, 'no-store'],
    ])
  })

  it('can replace a response of Pawl', async () => {
    const { sessions } = await openWithClock()
    const { app } = create()
    app.use(async (c, next) => {
      await next()
      if (c.res.status === 401) c.res = c.redirect('/login')
    })
    app.use(honoSessions(sessions))
    app.get('/me', requireSession(), (c) => c.text(c.var.session.userId))
    const { status, headers } = await (await serve(app)).send('GET', '/me')
    expect([status, headers.location]).toStrictEqual([302, '/login'])
  })

  it('can set the CORS headers instead of Pawl', async () => {
    const { sessions } = await openWithClock()
    const { app } = create()
    const origin = 'https://shop.example.com'
    app.use(cors({ origin, credentials: true }), honoSessions(sessions, { trustedOrigins: [origin] }))
    app.get('/me', requireSession(), (c) => c.text(c.var.session.userId))
    const client = await serve(app)
    const sent = { ...(await cookieOfNewSession(sessions)), origin, 'sec-fetch-site': 'same-site' }
    const refreshed = await client.send('POST', '/session/refresh', { headers: sent })
    expect([refreshed.status, cookieNames(refreshed.cookies)]).toStrictEqual([200, COOKIES])
    for (const headers of [
      refreshed.headers,
      (await client.send('GET', '/me', { headers: { origin } })).headers,
    ])
      expect(headers['access-control-allow-origin']).toBe(origin)
  })
})

describe('an error', () => {
  const forgotten = (c: Context<SessionEnv<Sessions>>): Response => c.text(c.var.session.userId)

  it('of Pawl becomes its response after the error handler of the application has run', async () => {
    const { app, errors } = await open()
    const seen: unknown[] = []
    app.use(async (c, next) => {
      await next()
      seen.push(c.error)
    })
    app.get('/forgotten', forgotten)
    const { status, headers, text } = await (await serve(app)).send('GET', '/forgotten')
    expect([status, text]).toStrictEqual([401, NOT_SIGNED_IN])
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'x-sorry': 'yes' })
    expect(headers).not.toHaveProperty('etag')
    expect(errors).toMatchObject([{ code: 'ERR_NOT_SIGNED_IN' }])
    expect(seen).toStrictEqual(errors)
  })

  it('of Pawl becomes its response in an application without an error handler', async () => {
    const log = vi.spyOn(console, 'error').mockReturnValue()
    const { sessions } = await openWithClock()
    const app: App = new Hono()
    const after: unknown[] = []
    app.use(async (c, next) => {
      await next()
      after.push(c.error)
    })
    app.use(honoSessions(sessions)).get('/forgotten', forgotten)
    const { status, text } = await (await serve(app)).send('GET', '/forgotten')
    expect([status, text]).toStrictEqual([401, NOT_SIGNED_IN])
    // Pawl has removed the error from the context.
    expect(after).toStrictEqual([undefined])
    expect(log).toHaveBeenCalledOnce()
  })

  it('of Pawl does not reach an error handler inside sessionErrors', async () => {
    const { sessions } = await openWithClock()
    const { app, errors } = create()
    const applicationError = new Error('mine')
    const statuses: number[] = []
    app.onError(
      sessionErrors((error, c) => {
        errors.push(error)
        return c.text('Sorry', 500)
      }),
    )
    app.use(honoSessions(sessions))
    app.use(async (c, next) => {
      c.header('x-theirs', 'yes')
      await next()
      statuses.push(c.res.status)
    })
    app.get('/forgotten', forgotten)
    app.get('/mine', () => {
      throw applicationError
    })
    const client = await serve(app)
    const answer = await client.send('GET', '/forgotten')
    expect([answer.status, answer.text, answer.headers['x-theirs']]).toStrictEqual([
      401,
      NOT_SIGNED_IN,
      'yes',
    ])
    expect((await client.send('GET', '/mine')).text).toBe('Sorry')
    expect(errors).toStrictEqual([applicationError])
    expect(statuses).toStrictEqual([401, 500])
  })

  it('of Pawl in a mounted application or in the 404 handler becomes its response', async () => {
    const { app, errors } = await open()
    const part: App = new Hono()
    part.onError((_error, c) => c.text('the part failed', 500))
    part.get('/forgotten', forgotten)
    app.route('/part', part)
    app.notFound(forgotten)
    const client = await serve(app)
    for (const path of ['/part/forgotten', '/elsewhere'])
      expect(await client.send('GET', path)).toMatchObject({ status: 401, text: NOT_SIGNED_IN })
    expect(errors).toStrictEqual([])
  })

  it('of the application reaches the error handling of the application', async () => {
    const { app, errors } = await open()
    const applicationError = new Error('mine')
    app.get('/mine', () => {
      throw applicationError
    })
    app.get('/string', () => {
      throw 'a string'
    })
    const client = await serve(app)
    expect((await client.send('GET', '/mine')).text).toBe('<h1>Sorry</h1>')
    await expect(app.request('/string')).rejects.toBe('a string')
    app.notFound(() => {
      throw applicationError
    })
    expect((await client.send('GET', '/elsewhere')).text).toBe('<h1>Sorry</h1>')
    expect(errors).toStrictEqual([applicationError, applicationError])
  })

  it('of Pawl that does not concern the session of the request reaches the application', async () => {
    const { sessions } = await openWithClock()
    const { app, errors } = create()
    app.get('/outside', () => sessions.verify('nonsense') as never)
    app.use(honoSessions(sessions))
    app.get('/other', async () => {
      const { session } = await sessions.create({ userId: 'berta' })
      await sessions.revoke(session.sessionId)
      return (await sessions.reauthenticate(session.sessionId)) as never
    })
    const client = await serve(app)
    const headers = await cookieOfNewSession(sessions)
    expect((await client.send('GET', '/outside', { headers })).status).toBe(500)
    expect((await client.send('GET', '/other', { headers })).status).toBe(500)
    expect(errors).toMatchObject([{ code: 'ERR_ACCESS_TOKEN_INVALID' }, { code: 'ERR_SESSION_ENDED' }])
  })

  it('of the store reaches the application', async () => {
    const store = memory()
    const { sessions } = await openWithClock({ store })
    const headers = await cookieOfNewSession(sessions)
    const broken = new Error('syntax error at or near')
    store.read = () => Promise.reject(broken)
    const { app, errors } = create()
    app.use(honoSessions(sessions)).use(requireSession({ lookup: true }))
    const client = await serve(app)
    for (const path of ['/session/refresh', '/transfer']) {
      const { status, cookies } = await client.send('POST', path, { headers })
      expect([status, cookies]).toStrictEqual([500, []])
    }
    expect(errors).toStrictEqual([broken, broken])
  })
})

describe('session cookies', () => {
  const answers: Record<string, (c: Context) => Response | Promise<Response>> = {
    json: (c) => c.json({}),
    nothing: (c) => c.body(null, 204),
    redirect: (c) => c.redirect('/'),
    missing: (c) => c.notFound(),
    stream: (c) => streamText(c, async (stream) => void (await stream.write('text'))),
    response: () => new Response('text', { headers: { 'set-cookie': 'theirs=1' } }),
    immutable: () => Response.redirect('https://app.example.com/', 302),
    async fetched() {
      const port = await listen((_req, res) => res.setHeader('set-cookie', 'theirs=1').end('proxied'))
      return fetch(`http://127.0.0.1:${port}/`)
    },
    failed() {
      throw new Error('after the login')
    },
  }

  it.each(Object.keys(answers))('are in a response of the kind: %s', async (name) => {
    const { app } = await open()
    app.all('/', async (c) => {
      await login(c)
      return answers[name]!(c)
    })
    const client = await serve(app)
    for (const method of ['POST', 'HEAD']) {
      const { cookies, headers } = await client.send(method, '/')
      expect(cookieNames(cookies)).toStrictEqual([
        ...(['response', 'fetched'].includes(name) ? ['theirs'] : []),
        ...COOKIES,
      ])
      expect(headers['cache-control']).toBe('private, no-store')
    }
  })

  it('are sent before a streamed response ends', async () => {
    const { app } = await open()
    let end = (): void => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    app.post('/stream', async (c) => {
      await login(c)
      return streamText(c, async (stream) => {
        await stream.write('begun')
        await ended
      })
    })
    const answer = await app.request('https://app.example.com/stream', { method: 'POST' })
    expect(cookieNames(answer.headers.getSetCookie())).toStrictEqual(COOKIES)
    const reader = answer.body!.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toBe('begun')
    end()
    expect((await reader.read()).done).toBe(true)
  })
})

describe('a request body', () => {
  const headers = { 'pawl-transport': 'bearer', 'content-type': 'application/json' }

  it.each(['json', 'text', 'raw', 'not'] as const)(
    'of a bearer refresh is accepted unless earlier middleware consumed the raw request: %s',
    async (how) => {
      const { sessions } = await openWithClock()
      const { app } = create()
      app.use(async (c, next) => {
        if (how === 'raw') await c.req.raw.text()
        else if (how !== 'not') await c.req[how]().catch(() => {})
        await next()
      })
      app.use(honoSessions(sessions))
      const client = await serve(app)
      const { refreshToken } = await sessions.create({ userId: 'anna' })
      const body = JSON.stringify({ refreshToken: refreshToken.value })
      const answer = await client.send('POST', '/session/refresh', { headers, body })
      const invalid = { code: 'refresh_token_invalid', refresh: false }
      if (how === 'raw') expect(answer).toMatchObject({ status: 401, body: invalid })
      else expect((answer.body as BearerAnswer).refreshToken).toMatch(/^pawl_r1_/)
      expect(await client.send('POST', '/session/refresh', { headers, body: '{' })).toMatchObject({
        status: 401,
        body: invalid,
      })
    },
  )

  it('of another route is left to the application', async () => {
    const { app } = await open()
    app.post('/echo', async (c) => c.json(await c.req.json()))
    expect((await (await serve(app)).send('POST', '/echo', { body: '{"a":1}' })).body).toStrictEqual({ a: 1 })
  })
})

it('a WebSocket opens only for a session and from this site, and closes when the session ends', async () => {
  const { app, sessions } = await open()
  app.get(
    '/socket',
    requireSession(),
    upgradeWebSocket((c) => {
      const { userId, sessionId } = sessionOf(c, sessions)
      return {
        onOpen(_event, socket) {
          sessions.onEnded(sessionId, (reason) => socket.close(4001, reason))
          socket.send(userId)
        },
      }
    }),
  )
  const sockets = new WebSocketServer({ noServer: true })
  const server = createAdaptorServer({ fetch: app.fetch, websocket: { server: sockets as never } })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const connect = (headers: Record<string, string>): WebSocket =>
    new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/socket`, {
      headers: { host: 'app.example.com', ...headers },
    })
  const refusal = async (headers: Record<string, string>): Promise<unknown> => {
    const [request, { statusCode }] = await once(connect(headers), 'unexpected-response')
    request.destroy()
    return statusCode
  }
  const cookie = await cookieOfNewSession(sessions)
  expect(await refusal({})).toBe(401)
  expect(await refusal({ ...cookie, origin: 'https://evil.example' })).toBe(403)
  const socket = connect({ ...cookie, origin: 'http://app.example.com' })
  const [hello] = await once(socket, 'message')
  expect(String(hello)).toBe('anna')
  const closed = once(socket, 'close')
  await sessions.revokeUser('anna')
  expect(String((await closed)[1])).toBe('revoked')
})

it('with `serverless` the work after the answer goes to the execution context of the platform', async () => {
  const { sessions } = await openWithClock({ serverless: true })
  const app: App = new Hono()
  app.use(honoSessions(sessions))
  app.get('/me', requireSession(), (c) => c.text(c.var.session.userId))
  const { refreshToken } = await sessions.create({ userId: 'anna' })
  const { accessToken } = await sessions.refresh(refreshToken.value)
  const handed: Promise<unknown>[] = []
  const response = await app.request(
    '/me',
    { headers: { authorization: `Bearer ${accessToken.value}` } },
    {},
    { waitUntil: (promise) => void handed.push(promise), passThroughOnException() {}, props: {} },
  )
  expect([response.status, handed.length]).toStrictEqual([200, 1])
})
