import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { sessionsOverHttp } from '../../src/http/http.ts'
import { memory } from '../../src/memory/index.ts'
import { coded } from '../support/errors.ts'
import { fakeExchange } from '../support/http-exchange.ts'
import { fragile } from '../support/http-outage.ts'
import { type Handler, openSite, type Site, type Visitor } from '../support/http-site.ts'
import { openSessions, openWithClock } from '../support/sessions.ts'

const ACCESS = '__Host-pawl-access'
const NOT_SIGNED_IN = { status: 401, body: { code: 'not_signed_in', refresh: false } }

async function openSignedIn(): Promise<{ site: Site; anna: Visitor; id: string }> {
  const site = await openSite()
  const anna = site.visitor()
  await anna.login({ userId: 'anna', claims: { role: 'user' } })
  return { site, anna, id: (await site.sessions.list('anna'))[0]!.sessionId }
}

describe('the session of a request', () => {
  it('has the fields of the access token', async () => {
    const { anna, id } = await openSignedIn()
    const { body } = await anna.me({
      handler: (session) => {
        const { sessionId, userId, claims, authTime, issuedAt, expiresAt, generation, transport } = session
        return Response.json({
          sessionId,
          userId,
          claims,
          authTime,
          issuedAt,
          expiresAt,
          generation,
          transport,
        })
      },
    })
    expect(body).toStrictEqual({
      sessionId: id,
      userId: 'anna',
      claims: { role: 'user' },
      authTime: '2030-01-01T12:00:00.000Z',
      issuedAt: '2030-01-01T12:00:00.000Z',
      expiresAt: expect.stringMatching(/^2030-01-01T12:1[45]/),
      generation: 0,
      transport: 'cookie',
    })
  })

  it('checks the expiry of the access token when a handler reads it', async () => {
    const { sessions, clock } = await openWithClock()
    const { accessToken } = await sessions.create({ userId: 'anna' })
    const http = sessionsOverHttp(sessions)
    const arrived = await http.handle(fakeExchange({ headers: { cookie: `${ACCESS}=${accessToken.value}` } }))
    clock.advance(16 * 60)
    expect(arrived.session!.error).toMatchObject({ code: 'ERR_ACCESS_TOKEN_EXPIRED' })
  })

  it.each(['sessionId', 'userId', 'claims', 'authTime', 'issuedAt', 'expiresAt', 'generation'] as const)(
    'throws for a visitor when the handler reads `%s`, and Pawl answers 401',
    async (name) => {
      const { visitor } = await openSite()
      let ran = false
      const answer = await visitor().visit('GET', '/forgotten', {
        handler: (session) => {
          ran = true
          return Response.json(session[name])
        },
      })
      expect(answer).toMatchObject(NOT_SIGNED_IN)
      expect(ran).toBe(true)
    },
  )

  it.each<[string, (session: Parameters<Handler>[0]) => unknown]>([
    ['require', (session) => session.require()],
    ['requireRecentAuth', (session) => session.requireRecentAuth(60)],
    ['check', (session) => session.check()],
    ['get', (session) => session.get()],
    ['setData', (session) => session.setData({})],
    ['patchData', (session) => session.patchData({})],
    ['setClaims', (session) => session.setClaims({})],
    ['reauthenticate', (session) => session.reauthenticate()],
    ['csrfToken', (session) => session.csrfToken()],
    ['accessToken', (session) => session.accessToken()],
  ])('throws for a visitor when the handler calls `%s`, and Pawl answers 401', async (_name, call) => {
    const { visitor } = await openSite()
    const handler: Handler = async (session) => Response.json((await call(session)) ?? null)
    expect(await visitor().visit('GET', '/forgotten', { handler })).toMatchObject(NOT_SIGNED_IN)
  })

  it('has `current`, which is null for a visitor, and `error` with the reason', async () => {
    const { site, anna } = await openSignedIn()
    const handler: Handler = ({ current, error }) =>
      Response.json({ userId: current?.userId ?? null, error: error?.code ?? null })
    expect((await anna.visit('GET', '/', { handler })).body).toStrictEqual({ userId: 'anna', error: null })
    expect((await site.visitor().visit('GET', '/', { handler })).body).toStrictEqual({
      userId: null,
      error: 'ERR_NOT_SIGNED_IN',
    })
    site.clock.advance(3600)
    expect((await anna.visit('GET', '/', { handler })).body).toStrictEqual({
      userId: null,
      error: 'ERR_ACCESS_TOKEN_EXPIRED',
    })
  })

  it('throws from `current` while the store is down and inline refresh is needed', async () => {
    const database = fragile(memory())
    const site = await openSite({ refresh: 'inline' }, { store: database.store })
    const anna = site.visitor()
    await anna.login()
    site.clock.advance(3600)
    database.down = true
    const seen: unknown[] = []
    await anna.visit('GET', '/', {
      handler: (session) => {
        expect(() => session.current).toThrow(coded('ERR_STORE_UNAVAILABLE') as Error)
        seen.push(session.error?.code)
        return new Response()
      },
    })
    expect(seen).toStrictEqual(['ERR_STORE_UNAVAILABLE'])
  })

  it('reads and writes the data of its row', async () => {
    const { site, anna, id } = await openSignedIn()
    const { body } = await anna.visit('POST', '/cart', {
      handler: async (session) => {
        const first = await session.setData({ cart: [1] })
        const second = await session.patchData({ seen: true })
        const refused = await session.setData({}, { ifVersion: first! })
        return Response.json([first, second, refused, (await session.get())!.data])
      },
    })
    expect(body).toStrictEqual([1, 2, null, { cart: [1], seen: true }])
    expect((await site.sessions.get(id))!.data).toStrictEqual({ cart: [1], seen: true })
  })

  it('requires a refresh after `setClaims`, and then has the new claims', async () => {
    const { anna } = await openSignedIn()
    const role: Handler = ({ claims }) => Response.json(claims)
    await anna.visit('POST', '/promote', {
      handler: async (session) => Response.json(await session.setClaims({ role: 'admin' })),
    })
    expect((await anna.me({ handler: role })).body).toStrictEqual({
      code: 'access_token_expired',
      refresh: true,
    })
    await anna.refresh()
    expect((await anna.me({ handler: role })).body).toStrictEqual({ role: 'admin' })
  })

  it('detects with `check` a revocation by another process', async () => {
    const { site, anna } = await openSignedIn()
    const elsewhere = await openSessions({ store: site.store, now: site.clock.now })
    await elsewhere.revokeUser('anna')
    expect((await anna.me()).status).toBe(200)
    expect(
      await anna.me({ handler: async (session) => Response.json((await session.check()).userId) }),
    ).toMatchObject({ status: 401, body: { code: 'session_ended', refresh: false }, cookies: [] })
  })

  it('prints no token and no user id', async () => {
    const { site, anna } = await openSignedIn()
    const token = anna.jar.get(ACCESS)!
    let printed = ''
    await anna.me({
      handler: async (session) => {
        printed = [
          JSON.stringify(session),
          inspect(session, { depth: 10, showHidden: true }),
          String(session),
          JSON.stringify({ ...session }),
        ].join()
        return Response.json(await session.create({ userId: 'berta' }))
      },
    })
    expect(JSON.parse(printed.slice(0, printed.indexOf('}') + 1))).toStrictEqual({ transport: 'cookie' })
    expect(printed).not.toContain(token.slice(-20))
    expect(printed).not.toMatch(/eyJ|pawl_r1_|anna/)
    expect(site.sessions).toBeDefined()
  })
})

describe('creating a session', () => {
  it('revokes the previous session as replaced, even if its access token has expired', async () => {
    const { site, anna, id } = await openSignedIn()
    site.clock.advance(3600)
    expect((await anna.login({ userId: 'berta' })).status).toBe(200)
    expect((await site.sessions.get(id))!.endReason).toBe('replaced')
    expect((await anna.me()).body).toMatchObject({ userId: 'berta' })
  })

  it.each(['anna', 'berta'])(
    'revokes every session that the request presents, and counts none of them (%s)',
    async (userId) => {
      const limits = { sessionsPerUser: 1, onSessionLimit: 'reject' } as const
      const site = await openSite({ refresh: 'inline' }, { limits })
      const anna = site.visitor()
      await anna.login({ userId: 'anna' })
      for (const [index, other] of ['berta', 'carla'].entries()) {
        const { refreshToken } = await site.sessions.create({ userId: other })
        anna.jar.put('__Secure-pawl-refresh', refreshToken.value, '/', `d${index}.example.com`)
      }
      expect((await anna.login({ userId })).status).toBe(200)
      const all = await Promise.all(['anna', 'berta', 'carla'].map((user) => site.sessions.list(user)))
      const reasons = all.flat().map((session) => session.endReason)
      expect(reasons.toSorted()).toStrictEqual([null, 'replaced', 'replaced', 'replaced'])
    },
  )

  it('records the address and the user agent', async () => {
    const site = await openSite()
    await site.visitor().visit('POST', '/login', {
      headers: { 'user-agent': 'Firefox' },
      info: { ip: '192.0.2.1' },
      handler: async (session) => Response.json(await session.create({ userId: 'anna' })),
    })
    expect((await site.sessions.list('anna'))[0]).toMatchObject({ ip: '192.0.2.1', userAgent: 'Firefox' })
  })

  it('makes it the current session of the same request', async () => {
    const { visitor } = await openSite()
    const { body } = await visitor().visit('POST', '/login', {
      handler: async (session) => {
        const before = session.current
        await session.create({ userId: 'anna', claims: { role: 'user' } })
        return Response.json([before, session.userId, session.claims, (await session.check()).userId])
      },
    })
    expect(body).toStrictEqual([null, 'anna', { role: 'user' }, 'anna'])
  })

  it('twice in one request leaves one active session', async () => {
    const { site } = await openSignedIn()
    const berta = site.visitor()
    const { cookies, body } = await berta.visit('POST', '/login', {
      handler: async (session) => {
        await session.create({ userId: 'berta' })
        return Response.json(await session.create({ userId: 'berta' }))
      },
    })
    expect(cookies).toHaveLength(2)
    expect(body).toStrictEqual({ expiresIn: expect.any(Number), marker: expect.any(String) })
    expect((await berta.me()).status).toBe(200)
    const reasons = (await site.sessions.list('berta')).map(({ endReason }) => endReason)
    expect(reasons.sort()).toStrictEqual([null, 'replaced'])
  })

  it('and revoking it in one request leaves no active session', async () => {
    const { site } = await openSignedIn()
    const berta = site.visitor()
    await berta.visit('POST', '/login', {
      handler: async (session) => {
        await session.create({ userId: 'berta' })
        return Response.json(await session.revoke())
      },
    })
    expect(berta.jar.names).toStrictEqual([])
    expect((await site.sessions.list('berta')).map(({ endReason }) => endReason)).toStrictEqual(['logout'])
  })

  it.each(['endpoint', 'inline'] as const)(
    'after the headers were sent throws a TypeError, and creates and revokes nothing (%s)',
    async (refresh) => {
      const sessions = await openSessions()
      const http = sessionsOverHttp(sessions, { refresh })
      const { accessToken } = await sessions.create({ userId: 'berta' })
      const exchange = fakeExchange({ headers: { cookie: `${ACCESS}=${accessToken.value}` } })
      const { session } = await http.handle(exchange)
      exchange.sendHead()
      await expect(session!.create({ userId: 'anna' })).rejects.toThrow(TypeError)
      await expect(session!.revoke()).rejects.toThrow(TypeError)
      expect(await sessions.list('anna')).toStrictEqual([])
      expect((await sessions.list('berta')).map(({ active }) => active)).toStrictEqual([true])
    },
  )

  it('after the headers were sent throws a TypeError, even if a renewal has set cookies', async () => {
    const { sessions, clock } = await openSite()
    const http = sessionsOverHttp(sessions, { refresh: 'inline' })
    const { accessToken, refreshToken } = await sessions.create({ userId: 'berta' })
    clock.advance(3600)
    const cookie = `${ACCESS}=${accessToken.value}; __Secure-pawl-refresh=${refreshToken.value}`
    const exchange = fakeExchange({ headers: { cookie } })
    const { session } = await http.handle(exchange)
    expect(exchange.sendHead().getSetCookie()).toHaveLength(2)
    await expect(session!.create({ userId: 'anna' })).rejects.toThrow(TypeError)
    expect(await sessions.list('anna')).toStrictEqual([])
  })

  it('after the response was returned throws a TypeError and creates no session', async () => {
    const { visitor, sessions } = await openSite()
    const kept: Parameters<Handler>[0][] = []
    await visitor().visit('POST', '/login', {
      handler: (session) => {
        kept.push(session)
        return new Response()
      },
    })
    await expect(kept[0]!.create({ userId: 'anna' })).rejects.toThrow(TypeError)
    expect(await sessions.list('anna')).toStrictEqual([])
  })

  it('without `await` throws a TypeError and leaves no active session', async () => {
    const { visitor, sessions } = await openSite()
    const forgotten: Promise<unknown>[] = []
    const { cookies } = await visitor().visit('POST', '/login', {
      handler: (session) => {
        forgotten.push(session.create({ userId: 'anna' }).catch((error: unknown) => error))
        return new Response()
      },
    })
    expect(cookies).toStrictEqual([])
    expect(await Promise.all(forgotten)).toStrictEqual([expect.any(TypeError)])
    expect((await sessions.list('anna')).map(({ active }) => active)).toStrictEqual([false])
  })

  it('sets no cookie if it fails', async () => {
    const { visitor } = await openSite()
    const { cookies, text } = await visitor().visit('POST', '/login', {
      handler: async (session) => {
        const failed = await session.create({ userId: '' }).catch((error: unknown) => error)
        return new Response(String(failed instanceof TypeError))
      },
    })
    expect([text, cookies]).toStrictEqual(['true', []])
  })
})

describe('revoking the session in a handler', () => {
  it('clears the cookies and makes the rest of the request a visitor’s', async () => {
    const { site, anna, id } = await openSignedIn()
    const { body, cookies, headers } = await anna.visit('POST', '/bye', {
      handler: async (session) => {
        const ended = await session.revoke()
        return Response.json([ended, session.current, await session.revoke()])
      },
    })
    expect(body).toStrictEqual([true, null, false])
    expect(cookies).toHaveLength(2)
    expect(headers.get('cache-control')).toBe('private, no-store')
    expect(anna.jar.names).toStrictEqual([])
    expect((await site.sessions.get(id))!.endReason).toBe('logout')
  })
})

describe('a recent authentication', () => {
  const tooOld = { status: 403, body: { code: 'recent_auth_required', refresh: false }, cookies: [] }

  it.each([
    [
      'requireRecentAuth',
      { handler: ((session) => Response.json(session.requireRecentAuth(60).userId)) as Handler },
    ],
    ['maxAuthAge', { info: { required: true, maxAuthAge: 60 } }],
    ['maxAuthAge alone', { info: { maxAuthAge: 60 } }],
    ['maxAuthAge with an optional session', { info: { optional: true, maxAuthAge: 60 } }],
  ])('is required by %s', async (_how, options) => {
    const { site, anna, id } = await openSignedIn()
    site.clock.advance(60)
    expect((await anna.visit('GET', '/pay', options)).status).toBe(200)
    site.clock.advance(1)
    expect(await anna.visit('GET', '/pay', options)).toMatchObject(tooOld)
    await anna.refresh()
    expect(await anna.visit('GET', '/pay', options)).toMatchObject(tooOld)
    await site.sessions.reauthenticate(id)
    await anna.refresh()
    expect((await anna.visit('GET', '/pay', options)).status).toBe(200)
  })

  it('is not satisfied by a visitor', async () => {
    const { site } = await openSignedIn()
    expect(await site.visitor().visit('GET', '/pay', { info: { maxAuthAge: 60 } })).toMatchObject(
      NOT_SIGNED_IN,
    )
  })
})

describe('an optional session', () => {
  const info = { optional: true }
  const handler: Handler = ({ current }) => Response.json(current?.userId ?? null)

  it('is null for a visitor', async () => {
    const { site, anna } = await openSignedIn()
    expect((await anna.visit('GET', '/hello', { info, handler })).body).toBe('anna')
    expect((await site.visitor().visit('GET', '/hello', { info, handler })).body).toBeNull()
  })

  it('is null after the session was revoked', async () => {
    const { site, anna, id } = await openSignedIn()
    await site.sessions.revoke(id)
    expect((await anna.visit('GET', '/hello', { info, handler })).body).toBeNull()
  })

  it('answers 401 if the access token has expired, so that the client refreshes', async () => {
    const { site, anna } = await openSignedIn()
    site.clock.advance(3600)
    expect(await anna.visit('GET', '/hello', { info, handler })).toMatchObject({
      status: 401,
      body: { code: 'access_token_expired', refresh: true },
    })
  })
})

describe('`read` in a context that cannot set cookies', () => {
  const cookie = (visitor: Visitor): { headers: Headers } => ({
    headers: new Headers({ cookie: visitor.jar.header('/session') ?? '' }),
  })

  it('verifies the access token of the cookie or the Authorization header', async () => {
    const { site, anna, id } = await openSignedIn()
    expect(site.withSession.read(cookie(anna))).toMatchObject({ sessionId: id, userId: 'anna' })
    const headers = new Headers({ authorization: `Bearer ${anna.jar.get(ACCESS)}` })
    expect(site.withSession.read({ headers })).toMatchObject({ sessionId: id })
    expect(site.withSession.read({ headers: new Headers() })).toBeNull()
  })

  it('returns null for an expired or revoked session, even with a refresh token', async () => {
    const { site, anna, id } = await openSignedIn()
    site.clock.advance(3600)
    expect(site.withSession.read(cookie(anna))).toBeNull()
    await anna.refresh()
    expect(site.withSession.read(cookie(anna))).not.toBeNull()
    await site.sessions.revoke(id)
    expect(site.withSession.read(cookie(anna))).toBeNull()
  })

  it('returns an object that cannot refresh, create or revoke a session', async () => {
    const { site, anna } = await openSignedIn()
    const session = site.withSession.read(cookie(anna))!
    // @ts-expect-error it has no such method
    const refresh: unknown = session.refresh
    // @ts-expect-error it has no such method
    const create: unknown = session.create
    // @ts-expect-error it has no such method
    const revoke: unknown = session.revoke
    // @ts-expect-error it does not expose its token
    const accessToken: unknown = session.accessToken
    expect([refresh, create, revoke, accessToken]).toStrictEqual([undefined, undefined, undefined, undefined])
    expect(Object.isFrozen(session)).toBe(true)
  })
})
