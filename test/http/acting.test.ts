import { createSecretKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { SessionsOptions } from '../../src/index.ts'
import { type Handler, openSite, type Site, type Visitor } from '../support/http-site.ts'
import { decodeJwt } from '../support/jwt.ts'
import { listen } from '../support/sessions.ts'

const ACCESS = '__Host-pawl-access'
const REFRESH = '__Secure-pawl-refresh'
const MONTH = 'Expires=Thu, 31 Jan 2030 12:00:00 GMT; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax'
const HOUR = 3600

const who: Handler = ({ userId, actor, claims }) =>
  Response.json({ userId, by: actor?.userId ?? null, claims })
const actAs =
  (userId = 'user', given: { claims?: { role: string }; lifetime?: number } = {}): Handler =>
  async (session) =>
    Response.json(await session.actAs({ userId, ...given }))
const stop: Handler = async (session) => Response.json(await session.stopActing())

const ROOT = { userId: 'root', by: null, claims: { role: 'admin' } }
const USER = { userId: 'user', by: 'root', claims: {} }
const EXPIRED = { status: 401, body: { code: 'access_token_expired', refresh: true } }
const ENDED = { status: 401, body: { code: 'session_ended', refresh: false } }
const REFUSED = { status: 403, body: { code: 'acting_refused', refresh: false } }

interface Open {
  readonly site: Site
  readonly root: Visitor
  readonly ownId: string
  readonly me: () => ReturnType<Visitor['me']>
  /** Starts to act. @returns the id of the acting session */
  readonly act: (...given: Parameters<typeof actAs>) => Promise<string>
  /** Runs code in a route of the site. */
  readonly run: (handler: Handler, headers?: Record<string, string>) => ReturnType<Visitor['visit']>
}

/** A site with an administrator who has signed in. */
async function open(...given: Parameters<typeof openSite>): Promise<Open> {
  const site = await openSite(...given)
  const root = site.visitor()
  await root.login({ userId: 'root', claims: { role: 'admin' } })
  const [own] = await site.sessions.list('root')
  const run: Open['run'] = (handler, headers = {}) => root.visit('POST', '/act', { handler, headers })
  return {
    site,
    root,
    run,
    ownId: own!.sessionId,
    me: () => root.me({ handler: who }),
    async act(userId, options) {
      expect((await run(actAs(userId, options))).status).toBe(200)
      return (await site.sessions.list(userId ?? 'user'))[0]!.sessionId
    },
  }
}

describe('acting as another user', () => {
  it('changes the access cookie only, and stopping returns to the administrator', async () => {
    const { site, root, run, me } = await open()
    const started = await run(actAs('user', { claims: { role: 'user' } }))
    expect(started).toMatchObject({ status: 200, body: { expiresIn: expect.any(Number) } })
    expect(started.cookies).toStrictEqual([`${ACCESS}=<access>; Path=/; ${MONTH}`])
    expect((await me()).body).toStrictEqual({ userId: 'user', by: 'root', claims: { role: 'user' } })

    const stopped = await run(stop)
    expect(stopped).toMatchObject({ status: 200, body: { expiresIn: 0 } })
    expect(stopped.cookies).toStrictEqual([`${ACCESS}=<access>; Path=/; ${MONTH}`])
    expect(await me()).toMatchObject(EXPIRED)
    expect((await root.refresh()).status).toBe(200)
    expect((await me()).body).toStrictEqual(ROOT)
    expect(await site.sessions.list('user')).toMatchObject([{ active: false, endReason: 'logout' }])
  })

  it('brings a page load back to the administrator, without a script', async () => {
    const { root, run, act } = await open()
    await act()
    await run(stop)
    const through = await root.navigate('/page')
    expect([through.status, through.headers.get('location')]).toStrictEqual([
      303,
      '/session/refresh?to=%2Fpage',
    ])
    const back = await root.navigate(through.headers.get('location')!)
    expect(back.status).toBe(303)
    const unmarked = await root.navigate(back.headers.get('location')!)
    expect(unmarked.headers.get('location')).toBe('/page')
    expect((await root.navigate('/page', { handler: who })).body).toStrictEqual(ROOT)
  })

  it('names the administrator in the token, as RFC 8693 does, and in lists', async () => {
    const { site, root, ownId, act } = await open()
    const actingId = await act()
    const { sub, act: actor } = decodeJwt(root.jar.get(ACCESS)!).payload
    const sid = Buffer.from(ownId.replaceAll('-', ''), 'hex').toString('base64url')
    expect([sub, actor]).toStrictEqual(['user', { sub: 'root', sid, ver: 0 }])
    expect(await site.sessions.get(actingId)).toMatchObject({
      active: true,
      actor: { userId: 'root', sessionId: ownId },
      absoluteExpiresAt: new Date(site.clock.now() + 900_000),
    })
    expect(await site.sessions.get(ownId)).toMatchObject({ actor: null })
  })

  it('keeps the persistence of the cookies', async () => {
    const { root, run } = await open()
    await root.login({ userId: 'root', claims: { role: 'admin' }, persistent: false })
    const plain = [`${ACCESS}=<access>; Path=/; HttpOnly; Secure; SameSite=Lax`]
    expect((await run(actAs())).cookies).toStrictEqual(plain)
    expect((await run(stop)).cookies).toStrictEqual(plain)
  })

  it('goes on when the administrator refreshes, and keeps the session of the administrator from being idle', async () => {
    const { site, root, me, act } = await open({}, { idleTimeout: 1800 })
    await act('user', { lifetime: HOUR })
    for (let minutes = 0; minutes < 50; minutes += 10) {
      site.clock.advance(600)
      expect(await root.refresh()).toMatchObject({ status: 200 })
      expect((await me()).body).toStrictEqual(USER)
    }
    site.clock.advance(700)
    expect(await me()).toMatchObject(EXPIRED)
    expect(await root.refresh()).toMatchObject(ENDED)
    expect((await me()).body).toStrictEqual(ROOT)
  })

  it('refreshes in time for a shorter idle timeout of the administrator', async () => {
    const { site, root, act, me } = await open()
    await root.login({ userId: 'root', claims: { role: 'admin' }, idleTimeout: 600 })
    await act('user', { lifetime: HOUR })
    for (let minutes = 0; minutes < 30; minutes++) {
      site.clock.advance(60)
      if ((await me()).status === 401) expect((await root.refresh()).status).toBe(200)
    }
    expect((await me()).body).toStrictEqual(USER)
  })

  it('confirms a reauthentication as soon as without acting, and then refuses older tokens', async () => {
    const { site, root, run, act, me } = await open()
    const thief = site.visitor()
    for (const name of [ACCESS, REFRESH]) thief.jar.put(name, root.jar.get(name)!)
    await thief.visit('POST', '/act', { handler: actAs('victim') })
    await run(async (session) => Response.json(await session.reauthenticate()))
    await act('user', { lifetime: HOUR })
    site.clock.advance(67)
    expect(await me()).toMatchObject(EXPIRED)
    expect((await root.refresh()).status).toBe(200)
    expect((await me()).body).toStrictEqual(USER)
    // What the thief acted with has ended with the administrator's older tokens.
    expect(await thief.me({ handler: who })).toMatchObject(EXPIRED)
    expect((await thief.refresh()).status).toBe(401)
  })

  it.each(['feed', 'expiry'] as const)('refreshes after a change of the administrator (%s)', async (mode) => {
    const { site, root, act, me, ownId } = await open({}, { revocation: { mode } })
    await act()
    await site.sessions.setClaims(ownId, { role: 'support' })
    const { status } = await root.visit('GET', '/page', { info: { lookup: true } })
    expect(status).toBe(401)
    expect((await root.refresh()).status).toBe(200)
    expect((await me()).body).toStrictEqual(USER)
  })

  it.each<[string, (open: Open, actingId: string) => unknown]>([
    ['expires', ({ site }) => site.clock.advance(901)],
    ['is revoked', ({ site }, id) => site.sessions.revoke(id)],
    ['ends with the sessions of its user', ({ site }) => site.sessions.revokeUser('user')],
  ])('refuses the page that was acting once it %s, and then returns', async (_, end) => {
    const opened = await open()
    const { root, me, act } = opened
    await end(opened, await act())
    expect(await me()).toMatchObject(EXPIRED)
    const refused = await root.refresh()
    // The answer sets the administrator's cookies: the script stops, and the next page is the administrator's.
    expect(refused).toMatchObject(ENDED)
    expect(refused.cookies.map((cookie) => cookie.split(';')[0])).toStrictEqual([
      `${ACCESS}=<access>`,
      `${REFRESH}=<refresh>`,
    ])
    expect((await me()).body).toStrictEqual(ROOT)
  })

  it('takes a page load to the administrator at once when it has expired', async () => {
    const { site, root, act } = await open()
    await act()
    site.clock.advance(901)
    const through = await root.navigate('/page')
    const back = await root.navigate(through.headers.get('location')!)
    const unmarked = await root.navigate(back.headers.get('location')!)
    expect(unmarked.headers.get('location')).toBe('/page')
    expect((await root.navigate('/page', { handler: who })).body).toStrictEqual(ROOT)
  })

  it.each<[string, (open: Open) => unknown]>([
    ['is revoked', ({ site, ownId }) => site.sessions.revoke(ownId)],
    ['ends with the user', ({ site }) => site.sessions.deleteUser('root')],
  ])('ends when the session of the administrator %s', async (_, end) => {
    const opened = await open()
    const { site, root, me, act } = opened
    await act()
    const token = root.jar.get(ACCESS)!
    site.sessions.verify(token)
    await end(opened)
    expect(() => site.sessions.verify(token)).toThrow('superseded')
    expect(await me()).toMatchObject(EXPIRED)
    expect(await root.refresh()).toMatchObject(ENDED)
    expect(root.jar.get(REFRESH)).toBeUndefined()
    expect((await me()).status).toBe(401)
  })

  it('erases a deleted administrator from the acting sessions', async () => {
    const { site, act, ownId } = await open()
    const actingId = await act()
    // Two rows: the session of the administrator, and the acting one.
    expect(await site.sessions.deleteUser('root')).toBe(2)
    expect((await site.sessions.get(actingId))!.actor).toStrictEqual({ userId: '', sessionId: ownId })
  })

  it.each(['logout', 'revoke'] as const)('ends with the session of the administrator: %s', async (how) => {
    const { site, root, run, act, ownId } = await open()
    const stops = listen(site.sessions, 'actingStopped')
    const actingId = await act()
    if (how === 'logout') expect((await root.logout()).status).toBe(204)
    else
      expect(await run(async (session) => Response.json(await session.revoke()))).toMatchObject({
        body: true,
      })
    expect(await site.sessions.get(ownId)).toMatchObject({ endReason: 'logout' })
    expect(await site.sessions.get(actingId)).toMatchObject({ endReason: 'logout' })
    expect(stops).toMatchObject([{ sessionId: actingId, actor: { sessionId: ownId } }])
    expect([root.jar.get(ACCESS), root.jar.get(REFRESH)]).toStrictEqual([undefined, undefined])
  })

  it('ends with the session of the administrator when somebody signs in', async () => {
    const { site, root, act, ownId } = await open()
    const actingId = await act()
    await root.login({ userId: 'eve' })
    expect(await site.sessions.get(ownId)).toMatchObject({ endReason: 'replaced' })
    expect(await site.sessions.get(actingId)).toMatchObject({ endReason: 'replaced' })
  })

  it('emits events with both users and both sessions', async () => {
    const { site, run, act, ownId } = await open()
    const events = [listen(site.sessions, 'actingStarted'), listen(site.sessions, 'actingStopped')]
    const sessionId = await act()
    await run(stop, { 'user-agent': 'Browser' })
    const actor = { userId: 'root', sessionId: ownId }
    const expiresAt = new Date(site.clock.now() + 900_000)
    expect(events).toStrictEqual([
      [{ sessionId, userId: 'user', actor, expiresAt, ip: null, userAgent: null }],
      [{ sessionId, userId: 'user', actor, ip: null, userAgent: 'Browser' }],
    ])
  })

  it.each<[string, Handler]>([
    ['act as a third user', actAs('third')],
    ['reauthenticate', async (session) => Response.json(await session.reauthenticate())],
    ['renew with claims', async (session) => Response.json(await session.setClaims({}, { renew: true }))],
    [
      'be renewed',
      async ({ request: { sessions }, sessionId }) => Response.json(await sessions.renew(sessionId)),
    ],
    [
      'be reauthenticated',
      async ({ request: { sessions }, sessionId }) => Response.json(await sessions.reauthenticate(sessionId)),
    ],
    ['pass for the user', (session) => Response.json(session.requireOwn())],
  ])('cannot %s', async (_, handler) => {
    const { run, act } = await open()
    await act()
    const refused = await run(handler)
    expect(refused).toMatchObject(REFUSED)
    expect(refused.cookies).toStrictEqual([])
  })

  it('is refused by a route with `acting: false`', async () => {
    const { root, act } = await open()
    const visit = (): ReturnType<Visitor['visit']> =>
      root.visit('GET', '/password', { info: { acting: false } })
    expect((await visit()).status).toBe(200)
    await act()
    expect(await visit()).toMatchObject(REFUSED)
  })

  it('has the authentication time of the administrator', async () => {
    const { site, root, act } = await open()
    site.clock.advance(300)
    await act()
    const visit = (maxAuthAge: number): ReturnType<Visitor['visit']> =>
      root.visit('GET', '/page', { info: { maxAuthAge } })
    expect((await visit(300)).status).toBe(200)
    expect((await visit(299)).body).toStrictEqual({ code: 'recent_auth_required', refresh: false })
  })

  it('takes new claims without losing the administrator', async () => {
    const { root, run, act, me } = await open()
    await act()
    expect(
      await run(async (session) => Response.json(await session.setClaims({ role: 'new' }))),
    ).toMatchObject({
      body: 1,
    })
    expect(await me()).toMatchObject(EXPIRED)
    await root.refresh()
    expect((await me()).body).toStrictEqual({ ...USER, claims: { role: 'new' } })
  })

  it('ends the other sessions of the user by `revokeOthers`, and renews nothing', async () => {
    const { site, run, act, me } = await open()
    await site.sessions.create({ userId: 'user' })
    await act()
    const { body, cookies } = await run(async (session) => Response.json(await session.revokeOthers()))
    expect([body, cookies]).toStrictEqual([1, []])
    expect((await me()).body).toStrictEqual(USER)
  })

  it('is no session of the user for `limits.sessionsPerUser`', async () => {
    const { site, act, me } = await open({}, { limits: { sessionsPerUser: 1 } })
    const { session } = await site.sessions.create({ userId: 'user' })
    await act()
    await site.sessions.create({ userId: 'user' })
    expect((await site.sessions.get(session.sessionId))!.endReason).toBe('limit')
    expect((await me()).body).toStrictEqual(USER)
  })

  it.each<[string, unknown, string]>([
    ['the own id', { userId: 'root' }, '`actAs` takes the id of another user'],
    ['no id', { userId: '' }, '`userId` takes a string of 1 to 255 characters'],
    ['a reserved claim', { userId: 'user', claims: { act: 1 } }, 'the claim name `act` is reserved'],
    ['more than an hour', { userId: 'user', lifetime: 3601 }, '`lifetime` takes 60 to 3600 seconds'],
    ['an unknown field', { userId: 'user', data: 1 }, '`actAs` does not take `data`'],
  ])('refuses %s', async (_, input, message) => {
    const { run } = await open()
    const error = await run(async (session) => {
      const thrown = await session.actAs(input as { userId: string }).catch((reason: Error) => reason)
      return new Response(String(thrown))
    })
    expect(error.text).toContain(`TypeError: ${message}`)
    expect(error.cookies).toStrictEqual([])
  })

  it('does not start from claims that have been replaced', async () => {
    const { site, run, ownId } = await open({}, { revocation: { mode: 'expiry' } })
    await site.sessions.setClaims(ownId, { role: 'user' })
    expect(await run(actAs())).toMatchObject(EXPIRED)
    expect(await site.sessions.list('user')).toStrictEqual([])
  })

  it('ends at the absolute expiry of the administrator', async () => {
    const { site, act } = await open({}, { absoluteTimeout: 600 })
    expect(await site.sessions.get(await act())).toMatchObject({
      absoluteExpiresAt: new Date(site.clock.now() + 600_000),
    })
  })

  it('is not continued by the refresh token of another session', async () => {
    const { site, root, act } = await open()
    await act()
    const other = site.visitor()
    await other.login({ userId: 'eve' })
    other.jar.put(ACCESS, root.jar.get(ACCESS)!)
    site.clock.advance(901)
    expect((await other.refresh()).body).toStrictEqual({ code: 'session_replaced', refresh: 'once' })
  })

  it('is checked against both rows', async () => {
    const { site, root, act, ownId } = await open({}, { revocation: { mode: 'expiry' } })
    const actingId = await act()
    const token = root.jar.get(ACCESS)!
    expect((await site.sessions.check(token)).userId).toBe('user')
    await site.sessions.revoke(ownId)
    await expect(site.sessions.check(token)).rejects.toThrow('superseded')
    await site.sessions.revoke(actingId)
    await expect(site.sessions.check(token)).rejects.toThrow('superseded')
  })

  it('starts in the request of the login, and leaves its refresh cookie', async () => {
    const site = await openSite()
    const root = site.visitor()
    await root.visit('POST', '/login', {
      handler: async (session) => {
        await session.create({ userId: 'root', claims: { role: 'admin' } })
        return Response.json(await session.actAs({ userId: 'user' }))
      },
    })
    expect((await root.me({ handler: who })).body).toStrictEqual(USER)
    await root.visit('POST', '/stop', { handler: stop })
    await root.refresh()
    expect((await root.me({ handler: who })).body).toStrictEqual(ROOT)
  })

  it('leaves a claim `act` that the application set before the name was reserved', async () => {
    const { site, root, me, ownId } = await open()
    await site.store.writeClaims(ownId, { act: { sub: 'play' } }, site.clock.now())
    await root.refresh()
    expect((await me()).body).toStrictEqual({ userId: 'root', by: null, claims: { act: { sub: 'play' } } })
  })

  it('stops without harm when nobody acts', async () => {
    const { run, me } = await open()
    const answer = await run(stop)
    expect([answer.status, answer.cookies]).toStrictEqual([200, []])
    expect((await me()).body).toStrictEqual(ROOT)
  })
})

describe('acting with inline refresh', () => {
  it('goes on in a request, and returns with a page load', async () => {
    const { site, root, act, me } = await open({ refresh: 'inline' })
    await act('user', { lifetime: 1800 })
    site.clock.advance(1000)
    expect((await me()).body).toStrictEqual(USER)
    site.clock.advance(1000)
    expect((await root.navigate('/page', { handler: who })).body).toStrictEqual(ROOT)
  })

  it('refuses a form that was meant for the user, and then returns', async () => {
    const { site, run, act, me } = await open({ refresh: 'inline' })
    await act()
    site.clock.advance(1000)
    expect(await run(who)).toMatchObject({ ...ENDED, cookies: [expect.any(String), expect.any(String)] })
    expect((await me()).body).toStrictEqual(ROOT)
  })
})

it.each(['endpoint', 'inline'] as const)(
  'acting goes on, and ends, after the key of its access token is gone (%s)',
  async (refresh) => {
    const keyed = (kid: string): Pick<SessionsOptions, 'keys'> => ({
      keys: { provided: [{ kid, algorithm: 'HS256', key: createSecretKey(Buffer.alloc(32, kid)) }] },
    })
    const { site, root, act } = await open({ refresh }, keyed('first'))
    await act()
    const options = { store: site.store, now: site.clock.now, ...keyed('second') }
    const later = (await openSite({ refresh }, options)).visitor(root.jar)
    if (refresh === 'endpoint') expect((await later.refresh()).status).toBe(200)
    expect((await later.me({ handler: who })).body).toStrictEqual(USER)
    site.clock.advance(901)
    const third = (await openSite({ refresh }, { ...options, ...keyed('third') })).visitor(root.jar)
    const ended =
      refresh === 'endpoint' ? await third.refresh() : await third.visit('POST', '/page', { handler: who })
    expect(ended).toMatchObject(ENDED)
    expect((await third.me({ handler: who })).body).toStrictEqual(ROOT)
  },
)

describe('acting with CSRF tokens', () => {
  it.each(['endpoint', 'inline'] as const)('binds them to the acting session (%s)', async (refresh) => {
    const { site, root } = await open({ csrf: 'token', refresh })
    const fresh = async (): Promise<string> =>
      ((await root.refresh()).body as { csrfToken: string }).csrfToken
    const post = (token: string, handler = who): ReturnType<Visitor['visit']> =>
      root.visit('POST', '/page', { handler, headers: { 'pawl-csrf': token } })
    const own = await fresh()
    const { csrfToken: acting } = (await post(own, actAs('user', { lifetime: HOUR }))).body as {
      csrfToken: string
    }
    expect((await post(own)).status).toBe(403)
    expect((await post(acting)).body).toStrictEqual(USER)
    expect(await fresh()).toBeTypeOf('string')
    site.clock.advance(1000)
    if (refresh === 'endpoint') await fresh()
    expect((await post(acting)).body).toStrictEqual(USER)
    const { csrfToken: returned } = (await post(acting, stop)).body as { csrfToken: string }
    if (refresh === 'endpoint') await fresh()
    expect((await post(returned)).body).toStrictEqual(ROOT)
  })
})

describe('acting in bearer mode', () => {
  it('answers the access token alone', async () => {
    const { site } = await open()
    const bearer = { 'pawl-transport': 'bearer' }
    const visit = async (handler: Handler, accessToken: string): Promise<Record<string, string>> => {
      const authorization = `Bearer ${accessToken}`
      const { body, cookies } = await site
        .visitor()
        .visit('POST', '/act', { handler, headers: { ...bearer, authorization } })
      expect(cookies).toStrictEqual([])
      return body as Record<string, string>
    }
    const { accessToken, refreshToken } = await site.sessions.create({
      userId: 'root',
      claims: { role: 'admin' },
    })
    const started = await visit(actAs(), accessToken.value)
    expect(started['refreshToken']).toBeNull()
    expect(await visit(who, started['accessToken']!)).toStrictEqual(USER)
    const stopped = await visit(stop, started['accessToken']!)
    expect(stopped).toMatchObject({ refreshToken: null, expiresIn: 0 })
    expect(await visit(who, stopped['accessToken']!)).toStrictEqual(EXPIRED.body)
    expect(await visit(who, started['accessToken']!)).toStrictEqual(EXPIRED.body)
    const { accessToken: own } = await site.sessions.refresh(refreshToken.value)
    expect(await visit(who, own.value)).toStrictEqual(ROOT)
  })
})
