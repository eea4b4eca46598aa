import {
  createEventStream,
  defineHandler,
  H3,
  type H3Event,
  HTTPError,
  html,
  noContent,
  onError,
  onResponse,
  redirect,
  toNodeHandler,
} from 'h3'
import { describe, expect, it } from 'vitest'
import { type H3Options, h3Sessions, requireSession, sessionOf } from '../../src/adapters/h3/index.ts'
import type { Sessions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { FOR_CDNS, forCdns } from '../support/adapters/application.ts'
import { type Client, createClient } from '../support/http-client.ts'
import { listen } from '../support/http-server.ts'
import { openWithClock } from '../support/sessions.ts'

const NOT_SIGNED_IN = '{"code":"not_signed_in","refresh":false}'
const COOKIES = ['__Host-pawl-access', '__Secure-pawl-refresh']

/** An application, and the errors that its hook gets, without those that are responses. */
function create(): { app: H3; errors: unknown[] } {
  const errors: unknown[] = []
  const app = new H3({
    silent: true,
    onError(error) {
      if (error.unhandled) errors.push(error.cause)
    },
  })
  return { app, errors }
}
async function open(options?: H3Options): Promise<ReturnType<typeof create> & { sessions: Sessions }> {
  const { sessions } = await openWithClock()
  const created = create()
  created.app.use(h3Sessions(sessions, options))
  return { ...created, sessions }
}
const serve = async (app: H3): Promise<Client> => createClient(await listen(toNodeHandler(app)))

async function cookieOfNewSession(sessions: Sessions): Promise<Record<string, string>> {
  const { accessToken, refreshToken } = await sessions.create({ userId: 'anna' })
  return { cookie: `${COOKIES[0]}=${accessToken.value}; ${COOKIES[1]}=${refreshToken.value}` }
}
const cookieNames = (cookies: readonly string[]): string[] => cookies.map((cookie) => cookie.split('=')[0]!)
const login = (sessions: Sessions) => (event: H3Event) =>
  sessionOf(event, sessions).create({ userId: 'anna' })
const whoIs = (sessions: Sessions) => (event: H3Event) => sessionOf(event, sessions).userId

describe('h3Sessions', () => {
  it('throws if it is missing, has other sessions, or gets a wrong option', async () => {
    const { sessions } = await openWithClock()
    const others = await openWithClock()
    const { app, errors } = create()
    app.use('/guarded', requireSession())
    app.use('/of', whoIs(sessions))
    app.use(h3Sessions(others.sessions))
    app.get('/others', whoIs(sessions))
    const client = await serve(app)
    for (const path of ['/guarded', '/of', '/others'])
      expect((await client.send('GET', path)).status).toBe(500)
    expect(errors).toStrictEqual(Array(3).fill(expect.any(TypeError)))
    expect(() => h3Sessions(sessions, { ip: 'x-forwarded-for' as never })).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_OPTIONS', option: 'ip' }),
    )
  })

  it('still guards routes if other middleware overwrites `event.context.session`', async () => {
    const { app, sessions } = await open()
    app.get('/same', (event) => event.context['session'] === sessionOf(event, sessions))
    app.use('/me', (event) => {
      event.context['session'] = { userId: 'mallory' }
    })
    app.get('/me', defineHandler({ middleware: [requireSession()], handler: whoIs(sessions) }))
    const client = await serve(app)
    expect((await client.send('GET', '/same')).body).toBe(true)
    expect((await client.send('GET', '/me')).status).toBe(401)
    expect((await client.send('GET', '/me', { headers: await cookieOfNewSession(sessions) })).text).toBe(
      'anna',
    )
  })

  it('matches its routes against the full path in a mounted application', async () => {
    const { sessions } = await openWithClock()
    const part = new H3()
    part.use(h3Sessions(sessions, { path: '/app/session' }))
    part.post('/login', login(sessions))
    part.get('/me', whoIs(sessions), { middleware: [requireSession()] })
    const { app } = create()
    app.mount('/app', part).get('/open', ({ context }) => context['session'] === undefined)
    const client = await serve(app)
    const { cookies } = await client.send('POST', '/app/login')
    expect(cookies[1]).toMatch(/^__Secure-pawl-refresh=<refresh>; Path=\/app\/session;/)
    expect((await client.send('GET', '/app/me')).text).toBe('anna')
    expect((await client.send('POST', '/app/session/refresh')).status).toBe(200)
    expect((await client.send('POST', '/session/refresh')).status).toBe(404)
    expect((await client.send('GET', '/open')).body).toBe(true)
    expect((await client.send('POST', '/app/session/logout')).status).toBe(204)
  })

  it('handles a web Request without a Node.js request', async () => {
    const { app, sessions } = await open()
    app.post('/login', login(sessions))
    const request = new Request('https://app.example.com/login', { method: 'POST' })
    const { status, headers } = await app.fetch(Object.assign(request, { ip: '192.0.2.7' }))
    expect([status, cookieNames(headers.getSetCookie())]).toStrictEqual([200, COOKIES])
    expect((await sessions.list('anna'))[0]!.ip).toBe('192.0.2.7')
  })
})

describe('the client address', () => {
  it('is the address of the socket, whatever the headers say', async () => {
    const { app, sessions } = await open()
    app.post('/login', login(sessions))
    const headers = { 'x-forwarded-for': '192.0.2.7', forwarded: 'for=192.0.2.7', 'x-real-ip': '192.0.2.7' }
    await (await serve(app)).send('POST', '/login', { headers })
    expect((await sessions.list('anna'))[0]!.ip).toBe('127.0.0.1')
  })

  it('is `clientAddress` of the platform, if there is one', async () => {
    const { app, sessions } = await open()
    app.post('/login', login(sessions))
    const request = new Request('https://app.example.com/login', { method: 'POST' })
    await app.request(Object.assign(request, { ip: '127.0.0.1' }), undefined, { clientAddress: '192.0.2.8' })
    expect((await sessions.list('anna'))[0]!.ip).toBe('192.0.2.8')
  })

  it('is the result of `ip`, or the address of the socket if `ip` returns nothing', async () => {
    const { app, sessions } = await open({ ip: ({ req }) => req.headers.get('x-real-ip') ?? undefined })
    app.post('/login', (event) =>
      sessionOf(event, sessions).create({ userId: event.url.searchParams.get('user')! }),
    )
    const client = await serve(app)
    await client.send('POST', '/login?user=anna', { headers: { 'x-real-ip': '192.0.2.7' } })
    await client.send('POST', '/login?user=berta')
    expect((await sessions.list('anna'))[0]!.ip).toBe('192.0.2.7')
    expect((await sessions.list('berta'))[0]!.ip).toBe('127.0.0.1')
  })

  it('must be local for cookies without `Secure` on plain localhost', async () => {
    const { app, sessions } = await open()
    app.post('/login', login(sessions))
    const client = await serve(app)
    const from = async (headers: Record<string, string>): Promise<string[]> =>
      cookieNames((await client.send('POST', '/login', { headers })).cookies)
    expect(await from({ host: 'localhost:3000' })).toStrictEqual(['pawl-access', 'pawl-refresh'])
    expect(await from({ host: 'localhost:3000', 'x-forwarded-for': '192.0.2.7' })).toStrictEqual(COOKIES)
    const elsewhere = Object.assign(new Request('http://localhost:3000/login', { method: 'POST' }), {
      runtime: { name: 'node', node: { req: { socket: { remoteAddress: '192.0.2.1' } } } },
    })
    expect(cookieNames((await app.fetch(elsewhere as never)).headers.getSetCookie())).toStrictEqual(COOKIES)
  })
})

describe('middleware around h3Sessions', () => {
  it('keeps its headers beside those of Pawl', async () => {
    const { sessions } = await openWithClock()
    const { app } = create()
    const seen: unknown[] = []
    app.use(
      onResponse(({ status, headers }) => {
        seen.push([status, headers.get('cache-control')])
      }),
    )
    app.use(({ res }) => {
      for (const headers of [res.headers, res.errHeaders]) {
        headers.append('set-cookie', 'theirs=1')
        headers.set('vary', 'Origin')
        headers.set('cache-control', 'public')
        for (const [name, value] of Object.entries(FOR_CDNS)) headers.set(name, value)
      }
    })
    app.use(h3Sessions(sessions))
    app.get('/me', whoIs(sessions), { middleware: [requireSession()] })
    app.get('/forgotten', whoIs(sessions))
    app.post('/login', login(sessions))
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
    app.use(
      onResponse((response) =>
        response.status === 401 ? Response.redirect('https://a.example/', 302) : undefined,
      ),
    )
    app.use(h3Sessions(sessions)).use(requireSession())
    const { status, headers } = await (await serve(app)).send('GET', '/me')
    expect([status, headers.location]).toStrictEqual([302, 'https://a.example/'])
  })
})

describe('an error', () => {
  it('of Pawl becomes its response and reaches no error hook', async () => {
    const { app, errors, sessions } = await open()
    app.get('/thrown', whoIs(sessions))
    app.get('/rejected', async (event) => whoIs(sessions)(event))
    app.use('/middleware', (event) => whoIs(sessions)(event))
    // The `onError` middleware throws the error again, wrapped.
    app.use(
      '/wrapped',
      onError(() => {}),
    )
    app.get('/wrapped', whoIs(sessions))
    const client = await serve(app)
    for (const path of ['/thrown', '/rejected', '/middleware', '/wrapped']) {
      const { status, headers, text } = await client.send('GET', path)
      expect([path, status, text]).toStrictEqual([path, 401, NOT_SIGNED_IN])
      expect(headers['content-type']).toBe('application/json')
    }
    expect(errors).toStrictEqual([])
  })

  it('of the application reaches the error handling of the application', async () => {
    const { app, errors, sessions } = await open()
    const applicationError = new Error('mine')
    app.get('/mine', () => {
      throw applicationError
    })
    app.get('/teapot', () => {
      throw new HTTPError({ status: 418, message: 'short and stout' })
    })
    // An error that wraps an error of Pawl belongs to the application.
    app.get('/own', (event) => {
      throw new HTTPError(sessionOf(event, sessions).error!)
    })
    const client = await serve(app)
    expect(await client.send('GET', '/mine')).toMatchObject({ status: 500, body: { message: 'HTTPError' } })
    expect(await client.send('GET', '/teapot')).toMatchObject({
      status: 418,
      body: { message: 'short and stout' },
    })
    expect(await client.send('GET', '/own')).toMatchObject({ status: 500, body: { status: 500 } })
    expect(await client.send('GET', '/elsewhere')).toMatchObject({ status: 404, body: { status: 404 } })
    expect(errors).toStrictEqual([applicationError])
  })

  it('of Pawl that does not concern the session of the request reaches the application', async () => {
    const { sessions } = await openWithClock()
    const { app, errors } = create()
    app.use('/outside', () => void sessions.verify('nonsense'))
    app.use(h3Sessions(sessions))
    app.get('/other', async () => {
      const { session } = await sessions.create({ userId: 'berta' })
      await sessions.revoke(session.sessionId)
      await sessions.reauthenticate(session.sessionId)
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
    app.use(h3Sessions(sessions)).use(requireSession({ lookup: true }))
    const client = await serve(app)
    for (const path of ['/session/refresh', '/transfer']) {
      const { status, cookies } = await client.send('POST', path, { headers })
      expect([status, cookies]).toStrictEqual([500, []])
    }
    expect(errors).toStrictEqual([broken, broken])
  })
})

describe('session cookies', () => {
  const answers: Record<string, (event: H3Event) => unknown> = {
    object: () => ({}),
    nothing: () => undefined,
    'no content': () => noContent(),
    page: () => html`<p>page</p>`,
    redirect: () => redirect('/'),
    'redirect as a Response': () => Response.redirect('https://app.example.com/', 302),
    response: () =>
      new Response('text', { headers: { 'set-cookie': 'theirs=1', vary: 'Accept', ...FOR_CDNS } }),
    'refusal as a Response': () =>
      new Response('no', { status: 403, headers: { 'set-cookie': 'theirs=1', vary: 'Accept', ...FOR_CDNS } }),
    async fetched() {
      const head = { 'set-cookie': 'theirs=1', vary: 'Accept', ...FOR_CDNS }
      return fetch(
        `http://127.0.0.1:${await listen((_req, res) => res.writeHead(200, head).end('proxied'))}/`,
      )
    },
    async events(event) {
      const stream = createEventStream(event)
      void stream.push('text').then(() => stream.close())
      return stream.send()
    },
    'returned error': () => new HTTPError({ status: 409, message: 'conflict' }),
    'thrown error': () => {
      throw new HTTPError({ status: 409, message: 'conflict', headers: { vary: 'Accept', ...FOR_CDNS } })
    },
    failure() {
      throw new Error('after the login')
    },
  }
  const theirs = ['response', 'refusal as a Response', 'fetched']

  it.each(Object.keys(answers))('are in a response of the kind: %s', async (name) => {
    const { app, sessions } = await open()
    app.all('/', async (event) => {
      await login(sessions)(event)
      return answers[name]!(event)
    })
    const client = await serve(app)
    for (const method of ['POST', 'HEAD']) {
      const { cookies, headers } = await client.send(method, '/')
      expect(cookieNames(cookies)).toStrictEqual([...(theirs.includes(name) ? ['theirs'] : []), ...COOKIES])
      expect(forCdns(headers)).toStrictEqual([])
      expect(headers['cache-control']).toBe('private, no-store')
      const begun = theirs.includes(name) || name === 'thrown error'
      expect(headers.vary).toBe(begun ? 'Accept, Cookie' : 'Cookie')
    }
  })

  it('are in the response of the application to an error', async () => {
    const { sessions } = await openWithClock()
    const app = new H3({ silent: true, onError: () => ({ sorry: true }) })
    app.use(h3Sessions(sessions))
    app.post('/', async (event) => {
      await login(sessions)(event)
      throw new Error('after the login')
    })
    const { cookies, text } = await (await serve(app)).send('POST', '/')
    expect([text, cookieNames(cookies)]).toStrictEqual(['{"sorry":true}', COOKIES])
  })
})

it('a request body is left to the application', async () => {
  const { app } = await open()
  app.post('/echo', ({ req }) => req.json())
  expect((await (await serve(app)).send('POST', '/echo', { body: '{"a":1}' })).body).toStrictEqual({ a: 1 })
})
