import { Readable } from 'node:stream'
import Koa, { type Context } from 'koa'
import { describe, expect, it } from 'vitest'
import { koaSessions, requireSession, sessionOf } from '../../src/adapters/koa/index.ts'
import type { Sessions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import type { BearerAnswer } from '../../src/wire/names.ts'
import { FOR_CDNS, forCdns } from '../support/adapters/application.ts'
import { type Client, createClient } from '../support/http-client.ts'
import { listen } from '../support/http-server.ts'
import { openWithClock } from '../support/sessions.ts'

const NOT_SIGNED_IN = '{"code":"not_signed_in","refresh":false}'
const COOKIES = ['__Host-pawl-access', '__Secure-pawl-refresh']

/** An application, and the errors of its `error` event. */
function create(): { app: Koa; errors: unknown[] } {
  const app = new Koa()
  const errors: unknown[] = []
  app.on('error', (error) => errors.push(error))
  return { app, errors }
}
const serve = async (app: Koa): Promise<Client> => createClient(await listen(app.callback()))

async function cookieOfNewSession(sessions: Sessions): Promise<Record<string, string>> {
  const { accessToken, refreshToken } = await sessions.create({ userId: 'anna' })
  return { cookie: `${COOKIES[0]}=${accessToken.value}; ${COOKIES[1]}=${refreshToken.value}` }
}
const cookieNames = (cookies: readonly string[]): string[] => cookies.map((cookie) => cookie.split('=')[0]!)

describe('koaSessions', () => {
  it('throws if it is missing or has other sessions', async () => {
    const { sessions } = await openWithClock()
    const others = await openWithClock()
    const guard = requireSession()
    const { app, errors } = create()
    app.use((ctx, next) => (ctx.path === '/guarded' ? guard(ctx, next) : next()))
    app.use((ctx, next) => {
      if (ctx.path === '/of') ctx.body = sessionOf(ctx, sessions).userId
      return next()
    })
    app.use(koaSessions(others.sessions))
    app.use((ctx) => {
      ctx.body = sessionOf(ctx, sessions).userId
    })
    const client = await serve(app)
    for (const path of ['/guarded', '/of', '/others'])
      expect((await client.send('GET', path)).status).toBe(500)
    expect(errors).toStrictEqual(Array(3).fill(expect.any(TypeError)))
  })

  it('sets `ctx.state.session`', async () => {
    const { sessions } = await openWithClock()
    const { app } = create()
    app.use(koaSessions(sessions)).use((ctx) => {
      ctx.body = { same: ctx.state.session === sessionOf(ctx, sessions) }
    })
    const client = await serve(app)
    expect((await client.send('GET', '/')).body).toStrictEqual({ same: true })
  })

  it('still guards routes if other middleware overwrites `ctx.state.session`', async () => {
    const { sessions } = await openWithClock()
    const { app } = create()
    app.use(koaSessions(sessions))
    app.use((ctx, next) => {
      Object.assign(ctx.state, { session: { userId: 'mallory' } })
      return next()
    })
    app.use(requireSession()).use((ctx) => {
      ctx.body = { userId: sessionOf(ctx, sessions).userId }
    })
    const client = await serve(app)
    expect((await client.send('GET', '/')).status).toBe(401)
    const headers = await cookieOfNewSession(sessions)
    expect((await client.send('GET', '/', { headers })).body).toStrictEqual({ userId: 'anna' })
  })

  it('matches its routes against the original URL if it is mounted under a prefix', async () => {
    const { sessions } = await openWithClock()
    const { app } = create()
    const pawl = koaSessions(sessions, { path: '/api/session' })
    app.use((ctx, next) => {
      ctx.path = ctx.path.replace(/^\/api/, '')
      return (pawl as Koa.Middleware)(ctx, next)
    })
    const client = await serve(app)
    expect((await client.send('POST', '/api/session/logout')).status).toBe(204)
    expect((await client.send('POST', '/api/api/session/logout')).status).toBe(404)
  })

  it('uses the forwarded address and protocol if the application trusts the proxy', async () => {
    const { sessions } = await openWithClock()
    const { app } = create()
    app.proxy = true
    app.use(koaSessions(sessions)).use(async (ctx) => {
      ctx.body = await sessionOf(ctx, sessions).create({ userId: 'anna' })
    })
    const client = await serve(app)
    const headers = { host: 'localhost', 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'https' }
    expect(cookieNames((await client.send('POST', '/', { headers })).cookies)).toStrictEqual(COOKIES)
    expect((await sessions.list('anna'))[0]!.ip).toBe('192.0.2.7')
    const encrypted = { host: 'localhost', 'x-forwarded-proto': 'https' }
    expect(cookieNames((await client.send('POST', '/', { headers: encrypted })).cookies)).toStrictEqual(
      COOKIES,
    )
  })

  it('sets cookies without prefix on plain localhost', async () => {
    const { sessions } = await openWithClock()
    const { app } = create()
    app.use(koaSessions(sessions)).use(async (ctx) => {
      ctx.body = await sessionOf(ctx, sessions).create({ userId: 'anna' })
    })
    const headers = { host: 'localhost:3000' }
    const { cookies } = await (await serve(app)).send('POST', '/', { headers })
    expect(cookieNames(cookies)).toStrictEqual(['pawl-access', 'pawl-refresh'])
  })
})

describe('middleware around koaSessions', () => {
  it('sees the responses of Pawl on `ctx`', async () => {
    const { sessions } = await openWithClock()
    const { app } = create()
    const seen: unknown[] = []
    app.use(async (ctx, next) => {
      ctx.vary('Origin')
      ctx.type = 'json'
      ctx.set('set-cookie', 'theirs=1')
      await next()
      seen.push([ctx.status, ctx.body, ctx.response.headers['cache-control']])
      ctx.set('x-length', String(ctx.length))
    })
    app.use(koaSessions(sessions))
    app.use(requireSession({ optional: true })).use((ctx) => {
      ctx.body = sessionOf(ctx, sessions).userId
    })
    const client = await serve(app)
    const head = async (method: string, path: string, headers = {}): Promise<unknown> => {
      const answer = await client.send(method, path, { headers })
      return [answer.status, answer.headers['x-length'], answer.headers.vary, cookieNames(answer.cookies)]
    }
    const length = String(NOT_SIGNED_IN.length)
    expect(await head('GET', '/me')).toStrictEqual([401, length, 'Origin, Cookie', ['theirs']])
    expect(await head('POST', '/session/refresh', await cookieOfNewSession(sessions))).toStrictEqual([
      200,
      '37',
      'Origin, Cookie',
      ['theirs', ...COOKIES],
    ])
    expect(await head('GET', '/session/logout')).toStrictEqual([405, 'undefined', 'Origin', ['theirs']])
    expect(seen).toStrictEqual([
      [401, NOT_SIGNED_IN, 'private, no-store'],
      [200, expect.stringMatching(/^\{"expiresIn":\d+,"marker":"[\w-]{8}"\}$/), 'private, no-store'],
      [405, null, 'no-store'],
    ])
  })

  it('can replace a response of Pawl', async () => {
    const { sessions } = await openWithClock()
    const { app } = create()
    app.use(async (ctx, next) => {
      await next()
      if (ctx.status === 401) ctx.redirect('/login')
    })
    app.use(koaSessions(sessions)).use(requireSession())
    const { status, headers } = await (await serve(app)).send('GET', '/me')
    expect([status, headers.location]).toStrictEqual([302, '/login'])
  })
})

describe('an error', () => {
  it('of Pawl becomes its response and emits no `error` event', async () => {
    const { sessions } = await openWithClock()
    const { app, errors } = create()
    app.use(koaSessions(sessions))
    app.use(async (ctx) => {
      if (ctx.path === '/begun') {
        ctx.type = 'html'
        ctx.status = 201
        ctx.body = Readable.from(['begun'])
        ctx.length = 5
        ctx.set('content-encoding', 'gzip')
        ctx.set(FOR_CDNS)
      }
      if (ctx.path === '/unanswered') ctx.respond = false
      ctx.body = sessionOf(ctx, sessions).userId
    })
    const client = await serve(app)
    for (const path of ['/plain', '/begun', '/unanswered']) {
      const { status, headers, text } = await client.send('GET', path)
      expect([path, status, text]).toStrictEqual([path, 401, NOT_SIGNED_IN])
      expect(headers['content-type']).toBe('application/json')
      expect(headers['content-length']).toBe(String(NOT_SIGNED_IN.length))
      expect(headers['content-encoding']).toBeUndefined()
      expect(forCdns(headers)).toStrictEqual([])
    }
    expect(errors).toStrictEqual([])
  })

  it('of the application reaches the `error` event', async () => {
    const { sessions } = await openWithClock()
    const { app, errors } = create()
    const applicationError = new Error('mine')
    app.use(koaSessions(sessions)).use((ctx) => {
      if (ctx.path === '/teapot') ctx.throw(418, 'short and stout')
      throw applicationError
    })
    const client = await serve(app)
    const teapot = await client.send('GET', '/teapot')
    expect([teapot.status, teapot.text]).toStrictEqual([418, 'short and stout'])
    expect((await client.send('GET', '/mine')).text).toBe('Internal Server Error')
    expect(errors).toStrictEqual([expect.objectContaining({ status: 418 }), applicationError])
  })

  it('of Pawl that does not concern the session of the request reaches the `error` event', async () => {
    const { sessions } = await openWithClock()
    const { app, errors } = create()
    app.use((ctx, next) => (ctx.path === '/outside' ? void sessions.verify('nonsense') : next()))
    app.use(koaSessions(sessions)).use(async () => {
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

  it('of the store reaches the `error` event', async () => {
    const store = memory()
    const { sessions } = await openWithClock({ store })
    const headers = await cookieOfNewSession(sessions)
    const broken = new Error('syntax error at or near')
    store.read = () => Promise.reject(broken)
    const { app, errors } = create()
    app.use(koaSessions(sessions)).use(requireSession({ lookup: true }))
    const client = await serve(app)
    for (const path of ['/session/refresh', '/transfer']) {
      const { status, cookies } = await client.send('POST', path, { headers })
      expect([status, cookies]).toStrictEqual([500, []])
    }
    expect(errors).toStrictEqual([broken, broken])
  })

  it('after the response has started closes the connection', async () => {
    const { sessions } = await openWithClock()
    const { app } = create()
    app.use(koaSessions(sessions)).use((ctx) => {
      ctx.res.writeHead(200).write('half')
      throw sessionOf(ctx, sessions).error
    })
    const client = await serve(app)
    await expect(client.send('GET', '/')).rejects.toMatchObject({ code: 'ECONNRESET' })
  })
})

describe('session cookies', () => {
  const answers: Record<string, (ctx: Context) => void> = {
    object: (ctx) => Object.assign(ctx, { body: {} }),
    nothing: (ctx) => Object.assign(ctx, { body: null }),
    stream: (ctx) => Object.assign(ctx, { body: Readable.from(['a', 'b']) }),
    redirect: (ctx) => ctx.redirect('/'),
    cookie: (ctx) => void ctx.cookies.set('theirs', '1'),
    raw(ctx) {
      ctx.respond = false
      ctx.res.writeHead(200, { 'set-cookie': 'theirs=1' }).end('text')
    },
    failed() {
      throw new Error('after the login')
    },
  }

  it.each(Object.keys(answers))('are in a response of the kind: %s', async (name) => {
    const { sessions } = await openWithClock()
    const { app } = create()
    app.use(koaSessions(sessions)).use(async (ctx) => {
      await sessionOf(ctx, sessions).create({ userId: 'anna' })
      answers[name]!(ctx)
    })
    const { cookies, headers } = await (await serve(app)).send('POST', '/')
    expect(cookieNames(cookies)).toStrictEqual([
      ...(['cookie', 'raw'].includes(name) ? ['theirs'] : []),
      ...COOKIES,
    ])
    expect(headers['cache-control']).toBe('private, no-store')
  })
})

describe('a request body', () => {
  const headers = { 'pawl-transport': 'bearer', 'content-type': 'application/json' }
  const parser: Koa.Middleware = async (ctx, next) => {
    let text = ''
    for await (const chunk of ctx.req) text += chunk
    Object.assign(ctx.request, { body: text === '' ? {} : JSON.parse(text) })
    await next()
  }

  it.each([
    ['with', [parser]],
    ['without', []],
  ])('of a bearer refresh is read %s an earlier parser', async (_how, before) => {
    const { sessions } = await openWithClock()
    const { app } = create()
    for (const middleware of before) app.use(middleware)
    app.use(koaSessions(sessions))
    const client = await serve(app)
    const { refreshToken } = await sessions.create({ userId: 'anna' })
    const body = JSON.stringify({ refreshToken: refreshToken.value })
    const answer = await client.send('POST', '/session/refresh', { headers, body })
    expect([answer.status, (answer.body as BearerAnswer).refreshToken]).toStrictEqual([
      200,
      expect.stringMatching(/^pawl_r1_/),
    ])
    expect((await client.send('POST', '/session/refresh', { headers })).text).toBe(
      before.length > 0 ? NOT_SIGNED_IN : '{"code":"refresh_token_invalid","refresh":false}',
    )
    expect((await client.send('POST', '/session/logout', { headers, body })).status).toBe(204)
    expect((await sessions.list('anna'))[0]!.active).toBe(false)
  })

  it('of another route is left to the application', async () => {
    const { sessions } = await openWithClock()
    const { app } = create()
    app.use(koaSessions(sessions)).use(parser as Koa.Middleware<object>)
    app.use((ctx) => {
      ctx.body = (ctx.request as unknown as { body: unknown }).body
    })
    const client = await serve(app)
    expect((await client.send('POST', '/echo', { body: '{"a":1}' })).body).toStrictEqual({ a: 1 })
  })
})
