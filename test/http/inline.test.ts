import { describe, expect, it } from 'vitest'
import { memory } from '../../src/memory/index.ts'
import { fragile } from '../support/http-outage.ts'
import { type Handler, me, openSite, type Site, type Visitor } from '../support/http-site.ts'
import { decodeJwt } from '../support/jwt.ts'

const ACCESS = '__Host-pawl-access'
const REFRESH = '__Secure-pawl-refresh'
const MONTH = 'Expires=Thu, 31 Jan 2030 13:00:00 GMT; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax'
const RENEWED = [`${ACCESS}=<access>; Path=/; ${MONTH}`, `${REFRESH}=<refresh>; Path=/; ${MONTH}`]
const GONE = 'Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax'
const CLEARED = [`${ACCESS}=; Path=/; ${GONE}`, `${REFRESH}=; Path=/; ${GONE}`]

/** A site with a visitor whose access token has expired. */
async function openExpired(
  options: Parameters<typeof openSite>[1] = {},
): Promise<{ site: Site; anna: Visitor; id: string }> {
  const site = await openSite({ refresh: 'inline' }, options)
  const anna = site.visitor()
  await anna.login({ userId: 'anna', claims: { role: 'user' } })
  site.clock.advance(3600)
  return { site, anna, id: (await site.sessions.list('anna'))[0]!.sessionId }
}

const generationOf = async ({ sessions }: Site, id: string): Promise<number> => {
  await sessions.flush()
  return (await sessions.get(id))!.generation
}

describe('inline refresh', () => {
  it.each(['GET', 'POST', 'DELETE'])('renews an expired access token inside a %s', async (method) => {
    const { anna } = await openExpired()
    const { status, body, cookies, headers } = await anna.visit(method, '/page', { info: { required: true } })
    expect([status, body]).toStrictEqual([200, { userId: 'anna', generation: 0 }])
    expect(cookies).toStrictEqual(RENEWED)
    expect(headers.get('cache-control')).toBe('private, no-store')
    expect(headers.get('vary')).toBe('Cookie')
    const next = await anna.me()
    expect([next.body, next.cookies]).toStrictEqual([{ userId: 'anna', generation: 1 }, []])
  })

  it('renews a page load without any redirect', async () => {
    const { anna } = await openExpired()
    expect(await anna.navigate('/page')).toMatchObject({ status: 200, cookies: RENEWED })
  })

  it('renews a missing or damaged access cookie', async () => {
    const { anna } = await openExpired()
    anna.jar.delete(ACCESS)
    expect(await anna.me()).toMatchObject({ status: 200, cookies: RENEWED })
    anna.jar.put(ACCESS, 'garbage')
    expect((await anna.me()).status).toBe(200)
  })

  it('gives the handler the renewed session', async () => {
    const { site, anna, id } = await openExpired()
    const { body } = await anna.me({
      handler: async (session) =>
        Response.json({
          ...session.require(),
          checked: (await session.check()).userId,
          record: (await session.get())!.sessionId,
        }),
    })
    expect(body).toStrictEqual({
      device: null,
      parentId: null,
      sessionId: id,
      userId: 'anna',
      claims: { role: 'user' },
      issuedAt: new Date(site.clock.now()).toISOString(),
      expiresAt: expect.any(String),
      authTime: '2030-01-01T12:00:00.000Z',
      generation: 0,
      actor: null,
      stale: false,
      checked: 'anna',
      record: id,
    })
  })

  it('does not renew a valid access token, and makes no store call', async () => {
    const database = fragile(memory())
    const { site, anna } = await openExpired({ store: database.store })
    await anna.me()
    database.down = true
    expect(await anna.me()).toMatchObject({ status: 200, cookies: [] })
    expect(site.clock.now()).toBe(Date.UTC(2030, 0, 1, 13))
  })

  it('makes no store call for a visitor without cookies', async () => {
    const database = fragile(memory())
    const site = await openSite({ refresh: 'inline' }, { store: database.store })
    database.down = true
    const hello = { info: { optional: true }, handler: (({ current }) => Response.json(current)) as Handler }
    expect(await site.visitor().visit('GET', '/hello', hello)).toMatchObject({ status: 200, body: null })
    expect((await site.visitor().me()).body).toStrictEqual({ code: 'not_signed_in', refresh: false })
  })

  it('does not use the refresh cookie for a bearer client', async () => {
    const { site, anna, id } = await openExpired()
    const { status, body, cookies } = await anna.me({ headers: { authorization: 'Bearer nonsense' } })
    expect([status, body, cookies]).toStrictEqual([401, { code: 'access_token_invalid', refresh: true }, []])
    const refreshed: unknown[] = []
    site.sessions.on('refreshed', (event) => refreshed.push(event))
    await anna.me({ headers: { 'pawl-transport': 'bearer' } })
    expect(refreshed).toStrictEqual([])
    expect(await generationOf(site, id)).toBe(0)
  })

  it('still serves the refresh route', async () => {
    const { anna } = await openExpired()
    expect((await anna.refresh()).cookies).toStrictEqual(RENEWED)
  })
})

describe('cookies of an inline refresh', () => {
  const slow =
    (site: Site, seconds: number): Handler =>
    (session) => {
      site.clock.advance(seconds)
      return me(session)
    }

  it('are set if the handler takes at most half the overlap', async () => {
    const { site, anna } = await openExpired()
    const { status, cookies } = await anna.me({ handler: slow(site, 15) })
    expect(status).toBe(200)
    expect(cookies).toStrictEqual(RENEWED)
  })

  it('are not set if the handler takes longer, and the next request renews again', async () => {
    const { site, anna } = await openExpired()
    const late = await anna.me({ handler: slow(site, 15.001) })
    expect([late.status, late.cookies]).toStrictEqual([200, []])
    expect(late.headers.get('vary')).toBeNull()
    const next = await anna.me()
    expect(next.status).toBe(200)
    expect(next.cookies).toHaveLength(2)
  })

  it('have a deadline that follows `rotation.overlap`', async () => {
    const { site, anna } = await openExpired({ rotation: { overlap: 4 } })
    expect((await anna.me({ handler: slow(site, 2.001) })).cookies).toStrictEqual([])
    expect((await anna.me({ handler: slow(site, 2) })).cookies).toHaveLength(2)
  })

  it('are replaced by those of a login or logout in the same request, which has no deadline', async () => {
    const { site, anna, id } = await openExpired()
    const { cookies } = await anna.visit('POST', '/login', {
      handler: async (session) => {
        site.clock.advance(20)
        return Response.json(await session.create({ userId: 'berta' }))
      },
    })
    expect(cookies).toHaveLength(2)
    expect((await anna.me()).body).toMatchObject({ userId: 'berta' })
    expect((await site.sessions.get(id))!.endReason).toBe('replaced')
    site.clock.advance(3600)
    const out = await anna.visit('POST', '/bye', {
      handler: async (session) => Response.json(await session.revoke()),
    })
    expect([out.body, out.cookies]).toStrictEqual([true, CLEARED])
    expect(anna.jar.names).toStrictEqual([])
  })
})

describe('the access token of an inline refresh', () => {
  it('confirms no turn until the client presents it', async () => {
    const { site, anna, id } = await openExpired()
    await anna.me({
      handler: async (session) => {
        session.require()
        await session.check()
        await session.accessToken()
        return me(session)
      },
    })
    expect(await generationOf(site, id)).toBe(0)
    await anna.me()
    expect(await generationOf(site, id)).toBe(1)
  })

  it('can be lost with its response any number of times', async () => {
    const { site, anna, id } = await openExpired()
    for (let attempt = 0; attempt < 3; attempt++) {
      const lost = site.visitor(anna.jar.copy())
      expect((await lost.me()).status).toBe(200)
      site.clock.advance(600)
    }
    expect(await generationOf(site, id)).toBe(0)
    expect((await anna.me()).status).toBe(200)
  })

  it('differs from the one that server code forwards, which has no `gen` and expires within the overlap', async () => {
    const { site, anna, id } = await openExpired()
    const { text } = await anna.me({
      handler: async (session) => new Response(await session.accessToken()),
    })
    const { payload } = decodeJwt(text)
    expect(payload).not.toHaveProperty('gen')
    expect(payload['exp']).toBe(site.clock.now() / 1000 + 30)
    expect(payload['role']).toBe('user')
    expect(text).not.toBe(anna.jar.get(ACCESS))
    expect(decodeJwt(anna.jar.get(ACCESS)!).payload).toHaveProperty('gen')

    const service = site.visitor()
    expect((await service.me({ headers: { authorization: `Bearer ${text}` } })).status).toBe(200)
    expect(await generationOf(site, id)).toBe(0)
    site.clock.advance(30)
    expect((await service.me({ headers: { authorization: `Bearer ${text}` } })).body).toStrictEqual({
      code: 'access_token_expired',
      refresh: true,
    })
  })

  it('is forwarded unchanged once the client has presented it', async () => {
    const { anna } = await openExpired()
    await anna.me()
    const { text } = await anna.me({ handler: async (session) => new Response(await session.accessToken()) })
    expect(text).toBe(anna.jar.get(ACCESS))
  })
})

describe('concurrent requests of one page', () => {
  it('are all renewed, and the browser can keep any of the responses', async () => {
    const { site, anna, id } = await openExpired()
    const before = anna.jar.copy()
    const visitors = Array.from({ length: 20 }, () => site.visitor(before.copy()))
    const answers = await Promise.all(visitors.map((visitor) => visitor.me()))
    expect(answers.map(({ status }) => status)).toStrictEqual(Array(20).fill(200))
    expect(new Set(visitors.map(({ jar }) => jar.get(REFRESH))).size).toBe(20)
    const [kept] = visitors
    for (let page = 0; page < 5; page++) {
      expect((await kept!.me()).status).toBe(200)
      expect(await generationOf(site, id)).toBe(page + 1)
      site.clock.advance(3600)
      expect((await kept!.me()).status).toBe(200)
    }
  })
})

describe('a session that cannot be renewed', () => {
  it('because of reuse is revoked, and its cookies are cleared', async () => {
    const { site, anna, id } = await openExpired()
    const thief = site.visitor(anna.jar.copy())
    for (let page = 0; page < 2; page++) {
      await anna.me()
      await anna.me()
      await site.sessions.flush()
      site.clock.advance(3600)
    }
    const caught = await thief.me()
    expect([caught.status, caught.body, caught.cookies]).toStrictEqual([
      401,
      { code: 'refresh_token_reused', refresh: false },
      CLEARED,
    ])
    expect((await site.sessions.get(id))!.endReason).toBe('reuse')
    const owner = await anna.me()
    expect([owner.status, owner.body, owner.cookies]).toStrictEqual([
      401,
      { code: 'session_ended', refresh: false },
      CLEARED,
    ])
    expect((await anna.me()).body).toStrictEqual({ code: 'not_signed_in', refresh: false })
  })

  it('gets an optional page as a visitor, with the cookies cleared', async () => {
    const { site, anna, id } = await openExpired()
    await site.sessions.revoke(id)
    const { status, body, cookies } = await anna.visit('GET', '/hello', {
      info: { optional: true },
      handler: ({ current }) => Response.json(current),
    })
    expect([status, body, cookies]).toStrictEqual([200, null, CLEARED])
  })

  it('keeps its cookies if the response is so late that it could follow a new login', async () => {
    const { site, anna, id } = await openExpired()
    await site.sessions.revoke(id)
    const { status, cookies } = await anna.visit('GET', '/hello', {
      info: { optional: true },
      handler: ({ current }) => {
        site.clock.advance(16)
        return Response.json(current)
      },
    })
    expect([status, cookies]).toStrictEqual([200, []])
    expect((await anna.me()).cookies).toStrictEqual(CLEARED)
  })

  it('because it was replaced keeps its cookies, which may belong to the new login', async () => {
    const { site, anna, id } = await openExpired()
    await site.sessions.revoke(id, 'replaced')
    expect(await anna.me()).toMatchObject({
      status: 401,
      body: { code: 'session_replaced', refresh: 'once' },
      cookies: [],
    })
  })

  it('while the store is down gets 503 and keeps its cookies, also on an optional page', async () => {
    const database = fragile(memory())
    const { anna } = await openExpired({ store: database.store })
    database.down = true
    const unavailable = { status: 503, body: { code: 'unavailable' }, cookies: [] }
    expect(await anna.me()).toMatchObject(unavailable)
    const hello = { info: { optional: true }, handler: () => new Response('hello, stranger') }
    expect(await anna.visit('GET', '/hello', hello)).toMatchObject(unavailable)
    expect(
      await anna.visit('GET', '/hello', { handler: ({ current }) => Response.json(current) }),
    ).toMatchObject(unavailable)
    database.down = false
    expect((await anna.me()).status).toBe(200)
  })

  it('does not affect a route that reads no session', async () => {
    const database = fragile(memory())
    const { anna } = await openExpired({ store: database.store })
    database.down = true
    expect(await anna.visit('GET', '/health', { handler: () => new Response('ok') })).toMatchObject({
      status: 200,
      text: 'ok',
    })
  })
})
