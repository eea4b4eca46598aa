import { describe, expect, it } from 'vitest'
import { memory } from '../../src/memory/index.ts'
import { fragile } from '../support/http-outage.ts'
import { type Handler, me, openSite, type Site, type Visitor } from '../support/http-site.ts'
import { decodeJwt } from '../support/jwt.ts'

const ACCESS = '__Host-pawl-access'
const REFRESH = '__Secure-pawl-refresh'
const MONTH = 'Max-Age=2592000; Expires=Thu, 31 Jan 2030 13:00:00 GMT; HttpOnly; Secure; SameSite=Lax'
const RENEWED = [`${ACCESS}=<access>; Path=/; ${MONTH}`, `${REFRESH}=<refresh>; Path=/; ${MONTH}`]
const GONE = 'Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax'
const CLEARED = [`${ACCESS}=; Path=/; ${GONE}`, `${REFRESH}=; Path=/; ${GONE}`]

/** Somebody whose access token expired an hour after the clock's start. */
async function away(
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
    const { anna } = await away()
    const { status, body, cookies, headers } = await anna.visit(method, '/page', { info: { required: true } })
    expect([status, body]).toStrictEqual([200, { userId: 'anna', generation: 0 }])
    expect(cookies).toStrictEqual(RENEWED)
    expect(headers.get('cache-control')).toBe('private, no-store')
    expect(headers.get('vary')).toBe('Cookie')
    const next = await anna.me()
    expect([next.body, next.cookies]).toStrictEqual([{ userId: 'anna', generation: 1 }, []])
  })

  it('renews a page load without any redirect', async () => {
    const { anna } = await away()
    expect(await anna.navigate('/page')).toMatchObject({ status: 200, cookies: RENEWED })
  })

  it('renews where the access cookie is gone or not recognized', async () => {
    const { anna } = await away()
    anna.jar.delete(ACCESS)
    expect(await anna.me()).toMatchObject({ status: 200, cookies: RENEWED })
    anna.jar.put(ACCESS, 'garbage')
    expect((await anna.me()).status).toBe(200)
  })

  it('tells everything about the session inside the request', async () => {
    const { site, anna, id } = await away()
    const { body } = await anna.me({
      handler: async (session) =>
        Response.json({
          ...session.require(),
          checked: (await session.check()).userId,
          record: (await session.get())!.sessionId,
        }),
    })
    expect(body).toStrictEqual({
      sessionId: id,
      userId: 'anna',
      claims: { role: 'user' },
      issuedAt: new Date(site.clock.now()).toISOString(),
      expiresAt: expect.any(String),
      authTime: '2030-01-01T12:00:00.000Z',
      generation: 0,
      checked: 'anna',
      record: id,
    })
  })

  it('leaves a good access token alone, and asks the store nothing', async () => {
    const database = fragile(memory())
    const { site, anna } = await away({ store: database.store })
    await anna.me()
    database.down = true
    expect(await anna.me()).toMatchObject({ status: 200, cookies: [] })
    expect(site.clock.now()).toBe(Date.UTC(2030, 0, 1, 13))
  })

  it('asks nothing for a visitor without cookies, and lets strangers see what is optional', async () => {
    const database = fragile(memory())
    const site = await openSite({ refresh: 'inline' }, { store: database.store })
    database.down = true
    const hello = { info: { optional: true }, handler: (({ current }) => Response.json(current)) as Handler }
    expect(await site.visitor().visit('GET', '/hello', hello)).toMatchObject({ status: 200, body: null })
    expect((await site.visitor().me()).body).toStrictEqual({ code: 'not_signed_in', refresh: false })
  })

  it('spends no refresh cookie for a bearer client', async () => {
    const { site, anna, id } = await away()
    const { status, body, cookies } = await anna.me({ headers: { authorization: 'Bearer nonsense' } })
    expect([status, body, cookies]).toStrictEqual([401, { code: 'access_token_invalid', refresh: true }, []])
    const refreshed: unknown[] = []
    site.sessions.on('refreshed', (event) => refreshed.push(event))
    await anna.me({ headers: { 'pawl-transport': 'bearer' } })
    expect(refreshed).toStrictEqual([])
    expect(await generationOf(site, id)).toBe(0)
  })

  it('serves its refresh route as well', async () => {
    const { anna } = await away()
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

  it('are set while the answer takes no longer than half the overlap', async () => {
    const { site, anna } = await away()
    const { status, cookies } = await anna.me({ handler: slow(site, 15) })
    expect(status).toBe(200)
    expect(cookies).toStrictEqual(RENEWED)
  })

  it('are not set when it takes longer: that is a lost answer, and the next request tries again', async () => {
    const { site, anna } = await away()
    const late = await anna.me({ handler: slow(site, 15.001) })
    expect([late.status, late.cookies]).toStrictEqual([200, []])
    expect(late.headers.get('vary')).toBeNull()
    const next = await anna.me()
    expect(next.status).toBe(200)
    expect(next.cookies).toHaveLength(2)
  })

  it('follow the overlap', async () => {
    const { site, anna } = await away({ rotation: { overlap: 4 } })
    expect((await anna.me({ handler: slow(site, 2.001) })).cookies).toStrictEqual([])
    expect((await anna.me({ handler: slow(site, 2) })).cookies).toHaveLength(2)
  })

  it('give way to those of a login or logout in the same request, which may be late', async () => {
    const { site, anna, id } = await away()
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

describe('the access token that an inline refresh mints', () => {
  it('is no evidence until the client presents it', async () => {
    const { site, anna, id } = await away()
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

  it('may be lost with its answer any number of times', async () => {
    const { site, anna, id } = await away()
    for (let attempt = 0; attempt < 3; attempt++) {
      const lost = site.visitor(anna.jar.copy())
      expect((await lost.me()).status).toBe(200)
      site.clock.advance(600)
    }
    expect(await generationOf(site, id)).toBe(0)
    expect((await anna.me()).status).toBe(200)
  })

  it('is not the one that server code forwards: that has no `gen` and lives for the overlap at most', async () => {
    const { site, anna, id } = await away()
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

  it('is forwarded as it is where the client presented it', async () => {
    const { anna } = await away()
    await anna.me()
    const { text } = await anna.me({ handler: async (session) => new Response(await session.accessToken()) })
    expect(text).toBe(anna.jar.get(ACCESS))
  })
})

describe('requests of one page at the same time', () => {
  it('are all renewed, and whichever answer the browser keeps goes on', async () => {
    const { site, anna, id } = await away()
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
  it('by reuse is over, signed out and its cookies cleared', async () => {
    const { site, anna, id } = await away()
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

  it('shows an optional page to a stranger, with the cookies cleared', async () => {
    const { site, anna, id } = await away()
    await site.sessions.revoke(id)
    const { status, body, cookies } = await anna.visit('GET', '/hello', {
      info: { optional: true },
      handler: ({ current }) => Response.json(current),
    })
    expect([status, body, cookies]).toStrictEqual([200, null, CLEARED])
  })

  it('clears nothing when the answer is so late that it could meet a new login', async () => {
    const { site, anna, id } = await away()
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

  it('as it was replaced keeps the cookies: they may be those of the new login', async () => {
    const { site, anna, id } = await away()
    await site.sessions.revoke(id, 'replaced')
    expect(await anna.me()).toMatchObject({
      status: 401,
      body: { code: 'session_replaced', refresh: 'once' },
      cookies: [],
    })
  })

  it('while the store is down keeps the cookies, also on an optional page', async () => {
    const database = fragile(memory())
    const { anna } = await away({ store: database.store })
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

  it('does not stop a route that asks nothing of the session', async () => {
    const database = fragile(memory())
    const { anna } = await away({ store: database.store })
    database.down = true
    expect(await anna.visit('GET', '/health', { handler: () => new Response('ok') })).toMatchObject({
      status: 200,
      text: 'ok',
    })
  })
})
