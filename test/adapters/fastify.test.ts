import { connect } from 'node:http2'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  fastifySessions,
  type HttpOptions,
  type RequestSession,
  requireSession,
  sessionOf,
} from '../../src/adapters/fastify/index.ts'
import type { Sessions } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import type { BearerAnswer } from '../../src/wire/names.ts'
import { FOR_CDNS, forCdns } from '../support/adapters/application.ts'
import { coded } from '../support/errors.ts'
import { type Client, createClient } from '../support/http-client.ts'
import { mute } from '../support/mute.ts'
import { openSessions, openWithClock } from '../support/sessions.ts'

const NOT_SIGNED_IN = '{"code":"not_signed_in","refresh":false}'
const COOKIES = ['__Host-pawl-access', '__Secure-pawl-refresh']

async function serve(app: FastifyInstance): Promise<Client> {
  onTestFinished(() => app.close())
  return createClient(Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port))
}

/** Collects the errors that reach the error handler of the application. */
function collectErrors(app: FastifyInstance): unknown[] {
  const errors: unknown[] = []
  app.setErrorHandler((error, _request, reply) => {
    errors.push(error)
    return reply.code(500).send({})
  })
  return errors
}

async function cookieOfNewSession(sessions: Sessions, userId = 'anna'): Promise<Record<string, string>> {
  const { accessToken, refreshToken } = await sessions.create({ userId })
  return { cookie: `${COOKIES[0]}=${accessToken.value}; ${COOKIES[1]}=${refreshToken.value}` }
}

const cookieNames = (cookies: readonly string[]): string[] => cookies.map((cookie) => cookie.split('=')[0]!)

describe('fastifySessions', () => {
  it('gives every route of its scope a session, before and after `register`, without `await`', async () => {
    const { sessions } = await openWithClock()
    const app = fastify()
    app.get('/before', (request) => ({ id: sessionOf(request, sessions).userId }))
    app.register(fastifySessions(sessions))
    app.get('/after', { preHandler: requireSession() }, (request) => ({
      id: sessionOf(request, sessions).userId,
    }))
    app.register(
      async (child) => {
        child.get('/me', { onRequest: [requireSession()] }, (request) => ({
          same: (request as unknown as { session: unknown }).session === sessionOf(request, sessions),
        }))
      },
      { prefix: '/child' },
    )
    const client = await serve(app)
    const headers = await cookieOfNewSession(sessions)
    for (const path of ['/before', '/after']) {
      const { status, text } = await client.send('GET', path)
      expect([status, text]).toStrictEqual([401, NOT_SIGNED_IN])
      expect((await client.send('GET', path, { headers })).body).toStrictEqual({ id: 'anna' })
    }
    expect((await client.send('GET', '/child/me')).status).toBe(401)
    expect((await client.send('GET', '/child/me', { headers })).body).toStrictEqual({ same: true })
  })

  it('affects only its scope and serves its routes under the prefix of the scope', async () => {
    const { sessions } = await openWithClock()
    const app = fastify()
    app.get('/outside', (request) => ({ session: 'session' in request }))
    app.post('/outside', () => ({}))
    app.register(
      async (api) => {
        api.register(fastifySessions(sessions))
        api.post('/login', (request) => sessionOf(request, sessions).create({ userId: 'anna' }))
        api.get('/me', { onRequest: requireSession() }, () => ({}))
      },
      { prefix: '/api/' },
    )
    const client = await serve(app)
    const foreign = { headers: { 'sec-fetch-site': 'cross-site' } }
    expect((await client.send('POST', '/outside', foreign)).status).toBe(200)
    expect((await client.send('POST', '/api/login', foreign)).status).toBe(403)

    const login = await client.send('POST', '/api/login')
    expect(login.cookies[0]).toMatch(/^__Host-pawl-access=<access>; Path=\/;/)
    expect(login.cookies[1]).toMatch(/^__Secure-pawl-refresh=<refresh>; Path=\/api\/session;/)
    expect((await client.send('GET', '/api/me')).status).toBe(200)
    expect((await client.send('GET', '/outside')).body).toStrictEqual({ session: false })
    expect((await client.send('POST', '/session/refresh')).status).toBe(404)
    expect((await client.send('POST', '/api/session/refresh')).status).toBe(200)
    expect((await client.send('GET', '/api/session/logout')).status).toBe(405)
    expect((await client.send('POST', '/api/session/logout')).status).toBe(204)
    expect((await client.send('GET', '/api/me')).status).toBe(401)
  })

  it('serves the revocation list under the prefix of its scope', async () => {
    const { sessions } = await openWithClock()
    const app = fastify()
    app.register(
      async (api) => void api.register(fastifySessions(sessions, { revocations: true, path: '/auth' })),
      { prefix: '/api' },
    )
    app.register(async (api) => void api.register(fastifySessions(sessions)), { prefix: '/without' })
    const client = await serve(app)
    const ask = async (method: string, path: string): Promise<unknown> => {
      const { status, headers } = await client.send(method, path)
      return [status, headers['content-type'], headers['allow']]
    }
    for (const method of ['GET', 'HEAD'])
      expect(await ask(method, '/api/auth/revocations')).toStrictEqual([
        200,
        'application/octet-stream',
        undefined,
      ])
    expect(await ask('POST', '/api/auth/revocations')).toStrictEqual([405, undefined, 'GET, HEAD'])
    expect((await client.send('GET', '/without/session/revocations')).status).toBe(404)
    expect((await client.send('GET', '/auth/revocations')).status).toBe(404)
  })

  it('serves the routes of bound sessions under the prefix of its scope', async () => {
    const sessions = await openSessions({ deviceBinding: 'offer' })
    const app = fastify()
    app.register(async (api) => void api.register(fastifySessions(sessions)), { prefix: '/api' })
    const client = await serve(app)
    const visitor = await client.send('POST', '/api/session/device')
    expect([visitor.status, visitor.body]).toStrictEqual([401, JSON.parse(NOT_SIGNED_IN)])
    expect((await client.send('GET', '/api/session/device')).status).toBe(405)
    expect((await client.send('GET', '/api/session/device.js')).status).toBe(200)
    expect((await client.send('GET', '/session/device.js')).status).toBe(404)
  })

  it('answers CORS preflights only for routes of its scope', async () => {
    const { sessions } = await openWithClock()
    const origin = 'https://spa.example.com'
    const app = fastify()
    app.register(
      async (api) => {
        api.register(fastifySessions(sessions, { cors: true, trustedOrigins: [origin] }))
        api.post('/notes', () => ({}))
        api.post('/', () => ({}))
      },
      { prefix: '/api' },
    )
    const client = await serve(app)
    const headers = { origin, 'sec-fetch-site': 'same-site', 'access-control-request-method': 'POST' }
    const allowed = async (path: string, sent: Record<string, string> = headers): Promise<unknown> => {
      const answer = await client.send('OPTIONS', path, { headers: sent })
      return [answer.status, answer.headers['access-control-allow-origin']]
    }
    for (const path of ['/api', '/api/', '/api/notes', '/api/session/refresh'])
      expect(await allowed(path)).toStrictEqual([204, origin])
    for (const path of ['/notes', '/apiary']) expect(await allowed(path)).toStrictEqual([404, undefined])
    const elsewhere = { ...headers, origin: 'https://evil.example' }
    expect(await allowed('/api/notes', elsewhere)).toStrictEqual([404, undefined])
  })

  it('lets a nested scope use other sessions', async () => {
    const users = (await openWithClock()).sessions
    const staff = (await openWithClock()).sessions
    const cookies = { access: '__Host-staff-access', refresh: '__Secure-staff-refresh' }
    const app = fastify()
    const errors = collectErrors(app)
    app.register(fastifySessions(users))
    app.get('/me', (request) => ({ id: sessionOf(request, users).userId }))
    app.register(
      async (inner) => {
        inner.register(fastifySessions(staff, { cookies }))
        inner.get('/me', { onRequest: requireSession() }, (request) => ({
          id: sessionOf(request, staff).userId,
          same: (request as unknown as { session: unknown }).session === sessionOf(request, staff),
        }))
        inner.get('/users', (request) => sessionOf(request, users).userId)
      },
      { prefix: '/staff' },
    )
    const client = await serve(app)
    const user = await cookieOfNewSession(users)
    const { accessToken } = await staff.create({ userId: 'berta' })
    const both = { cookie: `${user['cookie']}; ${cookies.access}=${accessToken.value}` }
    expect((await client.send('GET', '/me', { headers: both })).body).toStrictEqual({ id: 'anna' })
    expect((await client.send('GET', '/staff/me', { headers: user })).status).toBe(401)
    const inside = await client.send('GET', '/staff/me', { headers: both })
    expect(inside.body).toStrictEqual({ id: 'berta', same: true })
    expect((await client.send('GET', '/staff/users', { headers: both })).status).toBe(500)
    expect(errors).toStrictEqual([expect.any(TypeError)])
  })

  it('does not overwrite a `request.session` of another plugin', async () => {
    const { sessions } = await openWithClock()
    const app = fastify()
    app.decorateRequest('session', null)
    app.addHook('onRequest', async (request) => {
      Object.assign(request, { session: { userId: 'mallory' } })
    })
    app.register(fastifySessions(sessions))
    app.get('/me', { onRequest: requireSession() }, (request) => [
      (request as unknown as { session: { userId: string } }).session.userId,
      sessionOf(request, sessions).userId,
    ])
    const client = await serve(app)
    expect((await client.send('GET', '/me')).status).toBe(401)
    const headers = await cookieOfNewSession(sessions)
    expect((await client.send('GET', '/me', { headers })).body).toStrictEqual(['mallory', 'anna'])
  })

  it('throws if an option or the registration is wrong', async () => {
    const { sessions } = await openWithClock()
    expect(() => fastifySessions(sessions, { path: 'session' })).toThrow(
      coded('ERR_INVALID_OPTIONS', { option: 'path' }) as Error,
    )
    expect(() => requireSession({ maxAge: 1 } as object)).toThrow(coded('ERR_INVALID_OPTIONS') as Error)
    const prefixed = fastify()
    prefixed.register(fastifySessions(sessions), { prefix: '/api' })
    await expect(prefixed.ready()).rejects.toThrow(TypeError)
    const parameter = fastify()
    parameter.register(async (scope) => void scope.register(fastifySessions(sessions)), {
      prefix: '/:tenant',
    })
    await expect(parameter.ready()).rejects.toThrow(coded('ERR_INVALID_OPTIONS', { option: 'path' }) as Error)

    const without = fastify()
    without.get('/guarded', { onRequest: requireSession() }, () => ({}))
    without.get('/of', (request) => sessionOf(request, sessions).userId)
    const errors = collectErrors(without)
    const client = await serve(without)
    expect((await client.send('GET', '/guarded')).status).toBe(500)
    expect((await client.send('GET', '/of')).status).toBe(500)
    expect(errors).toStrictEqual([expect.any(TypeError), expect.any(TypeError)])
  })

  it('serves its own routes before an `onRequest` hook that requires a session', async () => {
    const { sessions, clock } = await openWithClock()
    const app = fastify()
    app.register(fastifySessions(sessions))
    app.addHook('onRequest', requireSession())
    app.get('/me', (request) => ({ id: sessionOf(request, sessions).userId }))
    const client = await serve(app)
    const headers = await cookieOfNewSession(sessions)
    clock.advance(900)
    expect((await client.send('GET', '/me', { headers })).status).toBe(401)
    expect((await client.send('GET', '/elsewhere', { headers })).status).toBe(401)
    expect((await client.send('POST', '/session/refresh', { headers })).status).toBe(200)
    expect((await client.send('GET', '/me')).body).toStrictEqual({ id: 'anna' })
    expect((await client.send('GET', '/elsewhere')).status).toBe(404)
  })

  it('matches its routes against the original URL, not the rewritten one', async () => {
    const { sessions } = await openWithClock()
    const app = fastify({ rewriteUrl: ({ url = '' }) => url.replace(/^\/behind/, '') })
    app.register(fastifySessions(sessions, { path: '/behind/session' }))
    const client = await serve(app)
    expect((await client.send('POST', '/behind/session/logout')).status).toBe(204)
    expect((await client.send('POST', '/session/logout')).status).toBe(404)
  })
})

describe('hooks of the application', () => {
  it('run for the responses of Pawl too', async () => {
    const { sessions, store, clock } = await openWithClock()
    // This process cannot notify the others.
    const elsewhere = await openSessions({ store: mute(store), now: clock.now })
    const origin = 'https://spa.example.com'
    const app = fastify()
    const responses: unknown[] = []
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('vary', 'Accept').header('set-cookie', 'theirs=1')
    })
    app.addHook('onSend', async (_request, reply, payload) => {
      await setImmediate()
      reply.header('x-sent', String(payload).length)
    })
    app.addHook('onResponse', async (request, reply) => {
      responses.push([request.method, request.url, reply.statusCode])
    })
    app.register(fastifySessions(sessions, { cors: true, trustedOrigins: [origin] }))
    app.get('/me', { onRequest: requireSession() }, () => ({}))
    app.get('/looked-at', { onRequest: requireSession({ lookup: true }) }, () => ({}))
    const client = await serve(app)
    const head = async (method: string, path: string, headers = {}): Promise<unknown> => {
      const answer = await client.send(method, path, { headers })
      return [answer.status, answer.headers['x-sent'], answer.headers.vary, cookieNames(answer.cookies)]
    }
    const length = String(NOT_SIGNED_IN.length)
    expect(await head('GET', '/me')).toStrictEqual([401, length, 'Accept, Cookie, Origin', ['theirs']])
    expect(await head('POST', '/session/refresh', await cookieOfNewSession(sessions))).toStrictEqual([
      200,
      '37',
      'Accept, Cookie, Origin',
      ['theirs', ...COOKIES],
    ])
    const preflight = { origin, 'sec-fetch-site': 'same-site', 'access-control-request-method': 'POST' }
    expect(await head('OPTIONS', '/me', preflight)).toStrictEqual([
      204,
      '9',
      'Accept, Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
      ['theirs'],
    ])
    const ended = '{"code":"session_ended","refresh":false}'
    await elsewhere.revokeUser('anna')
    expect(await head('GET', '/looked-at')).toStrictEqual([
      401,
      String(ended.length),
      'Accept, Cookie, Origin',
      ['theirs'],
    ])
    expect(responses).toStrictEqual([
      ['GET', '/me', 401],
      ['POST', '/session/refresh', 200],
      ['OPTIONS', '/me', 204],
      ['GET', '/looked-at', 401],
    ])
  })

  it('do not change the content type of a response of Pawl', async () => {
    const { sessions } = await openWithClock({ keys: { algorithm: 'EdDSA' } })
    const app = fastify()
    app.setReplySerializer(() => 'theirs')
    app.register(fastifySessions(sessions))
    const client = await serve(app)
    const keys = await client.send('GET', '/.well-known/jwks.json')
    expect(keys.headers['content-type']).toBe('application/jwk-set+json')
    expect((keys.body as { keys: unknown[] }).keys).toHaveLength(1)
    const refresh = await client.send('POST', '/session/refresh')
    expect([refresh.headers['content-type'], refresh.text]).toStrictEqual(['application/json', NOT_SIGNED_IN])
  })
})

describe('an error', () => {
  it('of Pawl becomes its response wherever it is thrown, and reaches no error handler', async () => {
    const { sessions } = await openWithClock()
    const app = fastify()
    const errors = collectErrors(app)
    const responses: number[] = []
    const userId = (request: Parameters<typeof sessionOf>[0]): string => sessionOf(request, sessions).userId
    app.register(fastifySessions(sessions))
    app.addHook('onRequest', async (_request, reply) => void reply.header('x-frame-options', 'DENY'))
    app.addHook('onResponse', async (_request, reply) => void responses.push(reply.statusCode))
    app.get('/sync', (request) => userId(request))
    app.get('/async', async (request) => userId(request))
    app.get('/callback', (request, reply) => {
      sessionOf(request, sessions)
        .check()
        .catch((error: unknown) => reply.send(error))
    })
    app.get('/begun', async (request, reply) => {
      reply
        .type('text/html')
        .header('content-length', 5)
        .header('content-encoding', 'gzip')
        .headers(FOR_CDNS)
        .header('vary', 'Accept')
      return userId(request)
    })
    app.get('/hook', { preHandler: async (request) => void userId(request) }, () => ({}))
    app.get('/last', { onSend: async (request) => void userId(request) }, () => ({}))
    app.register(async (child) => {
      const errorHandler = (error: unknown): void => void errors.push(error)
      child.get('/handled', { errorHandler }, async (request) => userId(request))
      child.setErrorHandler(errorHandler)
      child.get('/child', async (request) => userId(request))
    })
    app.setNotFoundHandler(async (request) => userId(request))
    const client = await serve(app)
    const paths = ['sync', 'async', 'callback', 'begun', 'hook', 'last', 'handled', 'child', 'elsewhere']
    for (const path of paths) {
      const { status, text, headers } = await client.send('GET', `/${path}`)
      expect([path, status, text]).toStrictEqual([path, 401, NOT_SIGNED_IN])
      expect(headers['content-type']).toBe('application/json')
      expect(headers['content-encoding']).toBeUndefined()
      expect(forCdns(headers)).toStrictEqual([])
      expect(headers['x-frame-options']).toBe('DENY')
      expect(headers.vary).toBe(path === 'begun' ? 'Accept, Cookie' : 'Cookie')
    }
    expect(errors).toStrictEqual([])
    expect(responses).toStrictEqual(paths.map(() => 401))
  })

  it('of the application reaches the error handlers of the application', async () => {
    const { sessions } = await openWithClock()
    const app = fastify()
    const handled: unknown[] = []
    app.register(fastifySessions(sessions))
    const applicationError = new Error('mine')
    app.get('/mine', () => {
      throw applicationError
    })
    app.get('/teapot', async () => {
      throw Object.assign(new Error('short and stout'), { statusCode: 418 })
    })
    app.get('/text', async () => {
      throw 'a text'
    })
    app.register(async (child) => {
      child.setErrorHandler((error) => {
        handled.push(['child', error])
        throw error
      })
      child.get('/child', async () => {
        throw applicationError
      })
    })
    app.setErrorHandler((error, _request, reply) => {
      handled.push(['root', error])
      reply.send(error)
    })
    const client = await serve(app)
    expect((await client.send('GET', '/mine')).status).toBe(500)
    expect((await client.send('GET', '/teapot')).status).toBe(418)
    await client.send('GET', '/text')
    expect((await client.send('GET', '/child')).status).toBe(500)
    expect(handled).toStrictEqual([
      ['root', applicationError],
      ['root', expect.objectContaining({ statusCode: 418 })],
      ['root', 'a text'],
      ['child', applicationError],
      ['root', applicationError],
    ])
  })

  it('of Pawl that does not concern the session of the request reaches the error handler of the application', async () => {
    const { sessions } = await openWithClock()
    const app = fastify()
    const errors = collectErrors(app)
    app.get('/outside', async () => sessions.verify('nonsense'))
    app.register(async (scope) => {
      scope.register(fastifySessions(sessions))
      scope.get('/other', async () => {
        const { session } = await sessions.create({ userId: 'berta' })
        await sessions.revoke(session.sessionId)
        await sessions.reauthenticate(session.sessionId)
      })
    })
    const client = await serve(app)
    const headers = await cookieOfNewSession(sessions)
    expect((await client.send('GET', '/outside', { headers })).status).toBe(500)
    expect((await client.send('GET', '/other', { headers })).status).toBe(500)
    expect(errors).toMatchObject([{ code: 'ERR_ACCESS_TOKEN_INVALID' }, { code: 'ERR_SESSION_ENDED' }])
  })

  it('of the store reaches the error handler of the application', async () => {
    const store = memory()
    const { sessions } = await openWithClock({ store })
    const headers = await cookieOfNewSession(sessions)
    const broken = new Error('syntax error at or near')
    store.read = () => Promise.reject(broken)
    const app = fastify()
    const errors = collectErrors(app)
    app.register(fastifySessions(sessions))
    app.post('/transfer', { onRequest: requireSession({ lookup: true }) }, () => ({}))
    const client = await serve(app)
    for (const path of ['/session/refresh', '/transfer']) {
      const { status, cookies } = await client.send('POST', path, { headers })
      expect([status, cookies]).toStrictEqual([500, []])
    }
    expect(errors).toStrictEqual([broken, broken])
  })

  it('after the response has started closes the connection', async () => {
    const { sessions } = await openWithClock()
    const app = fastify()
    const errors = collectErrors(app)
    app.register(fastifySessions(sessions))
    app.get('/half', (request, reply) => {
      reply.header('x-frame-options', 'DENY').raw.writeHead(200).write('half')
      throw sessionOf(request, sessions).error
    })
    const client = await serve(app)
    await expect(client.send('GET', '/half')).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(errors).toStrictEqual([])
  })
})

describe('session cookies', () => {
  const answers: Record<string, (reply: FastifyReply) => unknown> = {
    object: () => ({}),
    stream: () => Readable.from(['a', 'b']),
    web: () => new Response('text', { headers: { 'set-cookie': 'theirs=1' } }),
    redirect: (reply) => reply.redirect('/'),
    cookie: (reply) => reply.header('set-cookie', ['theirs=1']).send('text'),
    hijacked: (reply) => void reply.hijack().raw.writeHead(200, { 'set-cookie': 'theirs=1' }).end('text'),
    raw: (reply) => void reply.hijack().raw.end('text'),
    failed: () => Promise.reject(new Error('after the login')),
  }
  function application(sessions: Sessions, app: FastifyInstance = fastify()): FastifyInstance {
    app.register(fastifySessions(sessions))
    for (const [name, answer] of Object.entries(answers))
      app.post(`/${name}`, async (request, reply) => {
        await sessionOf(request, sessions).create({ userId: 'anna' })
        return answer(reply)
      })
    return app
  }

  it.each(Object.keys(answers))('are in a response of the kind: %s', async (name) => {
    const { sessions } = await openWithClock()
    const client = await serve(application(sessions))
    const { cookies, headers } = await client.send('POST', `/${name}`)
    const theirs = ['web', 'cookie', 'hijacked'].includes(name) ? ['theirs'] : []
    expect(cookieNames(cookies)).toStrictEqual([...theirs, ...COOKIES])
    expect(headers['cache-control']).toBe('private, no-store')
  })

  it('are in the response to `app.inject`', async () => {
    const { sessions } = await openWithClock()
    const app = application(sessions)
    const headers = { host: 'app.example.com' }
    const { cookies } = await app.inject({ method: 'POST', url: '/object', headers })
    expect(cookies.map(({ name }) => name)).toStrictEqual(COOKIES)
    expect((await app.inject({ method: 'POST', url: '/session/refresh', headers })).body).toBe(NOT_SIGNED_IN)
  })

  it('are in a response over HTTP/2', async () => {
    const { sessions } = await openWithClock()
    const app = application(sessions, fastify({ http2: true }) as unknown as FastifyInstance)
    onTestFinished(() => app.close())
    const client = connect(await app.listen({ host: '127.0.0.1', port: 0 }))
    onTestFinished(() => client.close())
    for (const [path, status] of [
      ['/object', 200],
      ['/session/refresh', 401],
      ['/session/logout', 204],
    ] as const) {
      const stream = client.request({ ':method': 'POST', ':path': path, ':authority': 'app.example.com' })
      stream.resume().end()
      const head = await new Promise<Record<string, unknown>>((resolve, reject) => {
        stream.on('response', resolve).on('error', reject)
      })
      expect([path, head[':status']]).toStrictEqual([path, status])
      const set = head['set-cookie'] as string[] | undefined
      expect(cookieNames(set ?? [])).toStrictEqual(status === 401 ? [] : COOKIES)
    }
  })

  it('have no prefix and no `Secure` on plain localhost', async () => {
    const { sessions } = await openWithClock()
    const client = await serve(application(sessions))
    const headers = { host: 'localhost:3000' }
    expect(cookieNames((await client.send('POST', '/object', { headers })).cookies)).toStrictEqual([
      'pawl-access',
      'pawl-refresh',
    ])
  })

  it('are secure if a trusted proxy reports https', async () => {
    const { sessions } = await openWithClock()
    const client = await serve(application(sessions, fastify({ trustProxy: 'loopback' })))
    const headers = { host: 'localhost', 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'https' }
    expect(cookieNames((await client.send('POST', '/object', { headers })).cookies)).toStrictEqual(COOKIES)
    expect((await sessions.list('anna'))[0]!.ip).toBe('192.0.2.7')
  })
})

describe('a request body', () => {
  const headers = { 'pawl-transport': 'bearer', 'content-type': 'application/json' }

  async function expectRefresh(
    prepare: (app: FastifyInstance) => void,
    options?: HttpOptions,
  ): Promise<void> {
    const { sessions } = await openWithClock()
    const app = fastify()
    prepare(app)
    app.register(fastifySessions(sessions, options))
    const client = await serve(app)
    const { refreshToken } = await sessions.create({ userId: 'anna' })
    const body = JSON.stringify({ refreshToken: refreshToken.value })
    const answer = await client.send('POST', '/session/refresh', { headers, body })
    expect([answer.status, (answer.body as BearerAnswer).refreshToken]).toStrictEqual([
      200,
      expect.stringMatching(/^pawl_r1_/),
    ])
    expect((await client.send('POST', '/session/refresh', { headers, body: '{}' })).text).toBe(NOT_SIGNED_IN)
    expect((await client.send('POST', '/session/logout', { headers, body })).status).toBe(204)
    expect((await sessions.list('anna'))[0]!.active).toBe(false)
  }

  it('of a bearer refresh is read with any parsers of the application', async () => {
    await expectRefresh(() => {})
    await expectRefresh((app) => app.removeAllContentTypeParsers())
    await expectRefresh((app) => {
      app.addContentTypeParser('application/json', (_request, _payload, done) => done(new Error('theirs')))
    })
  })

  it('of a bearer refresh is used as parsed by an earlier hook', async () => {
    await expectRefresh((app) => {
      app.addHook('onRequest', async ({ raw }) => {
        let text = ''
        for await (const chunk of raw) text += chunk
        Object.assign(raw, { body: JSON.parse(text) })
      })
    })
  })

  it('of another route is left to the application', async () => {
    const { sessions } = await openWithClock()
    const app = fastify()
    app.register(fastifySessions(sessions))
    app.post('/echo', { preHandler: requireSession({ optional: true }) }, ({ body }) => body)
    const client = await serve(app)
    const { 'content-type': type } = headers
    const answer = await client.send('POST', '/echo', { headers: { 'content-type': type }, body: '{"a":1}' })
    expect(answer.body).toStrictEqual({ a: 1 })
  })
})

it('a session stays readable after the response', async () => {
  const { sessions } = await openWithClock()
  const app = fastify()
  let kept: RequestSession | undefined
  app.register(fastifySessions(sessions))
  app.get('/me', (request) => {
    kept = sessionOf(request, sessions)
    return {}
  })
  const client = await serve(app)
  await client.send('GET', '/me', { headers: await cookieOfNewSession(sessions) })
  expect(kept!.userId).toBe('anna')
})
