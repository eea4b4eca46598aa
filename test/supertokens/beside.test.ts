import { describe, expect, it } from 'vitest'
import { fetchSessions } from '../../src/adapters/fetch/index.ts'
import { sessionsOverHttp } from '../../src/http/http.ts'
import { memory } from '../../src/memory/index.ts'
import { supertokens } from '../../src/supertokens/index.ts'
import { fakeExchange } from '../support/http-exchange.ts'
import { type CookieJar, createJar } from '../support/http-jar.ts'
import {
  type Answer,
  asVisitor,
  codeInPage,
  type Handler,
  NAVIGATION,
  ORIGIN,
  openSite,
} from '../support/http-site.ts'
import { silentLogger } from '../support/logger.ts'
import { openWithClock } from '../support/sessions.ts'
import { counting } from '../support/stores.ts'
import { createSdk, type Mode, openSdkSite, parseFrontToken } from './support/sdk.ts'

const MODES: readonly Mode[] = ['cookie', 'header']
const HOUR = 3600
const TRY_REFRESH = { status: 401, body: { message: 'try refresh token' }, cookies: [] }
const SPA = 'https://spa.example.com'
const fromSpa = { origin: SPA, 'sec-fetch-site': 'same-site' }
const fromElsewhere = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
const refused = (id: string) => ({
  status: 403,
  body: {
    message: 'invalid claim',
    claimValidationErrors: [{ id, reason: { message: expect.any(String) } }],
  },
})
/** Replaces the access cookie by one with a wrong signature. */
function forge({ jar }: { jar: CookieJar }): void {
  const token = jar.get('sAccessToken')!
  jar.put('sAccessToken', token.slice(0, -6) + (token.endsWith('AAAAAA') ? 'BBBBBB' : 'AAAAAA'))
}
const login: Handler = async (session) => Response.json(await session.create({ userId: 'pawl' }))

describe('a request by a protocol of its own', () => {
  /** The same requests with and without the option `protocol`. */
  async function answers(protocol: boolean): Promise<unknown[]> {
    const http = {
      cors: true,
      trustedOrigins: [SPA],
      csrf: 'token',
      ...(protocol && { protocol: supertokens() }),
    }
    const site = await openSite(http as object)
    const anna = site.visitor()
    const given: Answer[] = [
      await anna.me(),
      await anna.login(),
      await anna.me(),
      await anna.visit('POST', '/notes'),
      await anna.refresh(),
      await anna.navigate('/me'),
      await anna.visit('POST', '/notes', { headers: fromElsewhere }),
      await anna.me({ headers: fromSpa }),
      await anna.visit('OPTIONS', '/session/refresh', {
        headers: { ...fromSpa, 'access-control-request-method': 'POST' },
      }),
      await anna.visit('POST', '/session/refresh', { headers: { 'pawl-transport': 'bearer' }, body: '{}' }),
      await anna.me({ headers: { authorization: 'Bearer abc' } }),
      await anna.logout(),
      await anna.visit('GET', '/.well-known/jwks.json'),
    ]
    return given.map(({ status, headers, text }) => ({
      status,
      headers: [...headers].map(([name, value]) => [
        name,
        value.replaceAll(/(?:eyJ|pawl_)[\w.-]+/g, '<token>'),
      ]),
      text: text.replaceAll(/"(?:marker|csrfToken)":"[^"]*"|"expiresIn":\d+/g, ''),
    }))
  }

  it('is answered as without the option', async () => {
    expect(await answers(true)).toStrictEqual(await answers(false))
  })

  it.each(['anti-csrf', 'session', 'req-123'])(
    'stays so with the header `rid: %s`, which others use, too',
    async (rid) => {
      const { visitor } = await openSdkSite()
      const own = visitor()
      await own.visit('POST', '/login', { headers: { rid }, handler: login })
      expect(own.jar.names).toStrictEqual(['__Host-pawl-access', '__Secure-pawl-refresh'])
      expect(await own.me({ headers: { rid } })).toMatchObject({ status: 200, body: { userId: 'pawl' } })
    },
  )

  it.each<Record<string, string>>([{ 'st-auth-mode': 'header' }, { 'fdi-version': '4.1' }])(
    'is one by the other with %j',
    async (headers) => {
      const { visitor } = await openSdkSite()
      const answer = await visitor().visit('POST', '/login', { headers, handler: login })
      expect([answer.cookies, answer.headers.has('st-access-token')]).toStrictEqual([[], true])
    },
  )

  it('stays so at its own routes, although a client SDK on the page adds its headers', async () => {
    const { visitor } = await openSdkSite()
    const own = visitor()
    await own.login()
    const headers = { rid: 'anti-csrf', 'st-auth-mode': 'cookie' }
    expect(await own.refresh({ headers })).toMatchObject({
      status: 200,
      body: { marker: expect.any(String) },
    })
    expect(await own.logout({ headers })).toMatchObject({ status: 204 })
    const bearer = { ...headers, 'pawl-transport': 'bearer' }
    const answer = await own.visit('POST', '/login', { headers: bearer, handler: login })
    expect(answer.body).toMatchObject({ refreshToken: expect.stringMatching(/^pawl_r1_/) })
  })
})

describe('a browser that speaks both protocols', () => {
  const OWN = ['__Host-pawl-access', '__Secure-pawl-refresh']
  const OF_SDK = ['sAccessToken', 'sRefreshToken']
  const signOut: Handler = async (session) => Response.json(await session.revoke())
  type Which = 'own' | 'sdk'

  async function open() {
    const site = await openSdkSite()
    const jar = createJar()
    const own = site.visitor(jar)
    const sdk = createSdk(site, 'cookie', '/auth', jar)
    const actives = async (userId: string) =>
      (await site.sessions.list(userId)).filter(({ active }) => active).length
    const signIn = (which: Which, userId: string) =>
      which === 'own'
        ? own.login({ userId })
        : sdk.login({ handler: async (session) => Response.json(await session.create({ userId })) })
    return { ...site, jar, own, sdk, actives, signIn }
  }
  /** With a session of each protocol, as a page of another release or a restored backup may leave them. */
  async function openWithBoth() {
    const site = await open()
    const { jar } = site
    await site.signIn('own', 'web')
    const stored = OWN.map((name) => [name, jar.get(name)!] as const)
    for (const name of OWN) jar.delete(name)
    await site.signIn('sdk', 'app')
    for (const [name, value] of stored) jar.put(name, value, name === OWN[0] ? '/' : '/session')
    return site
  }

  it.each<[Which, Which]>([
    ['own', 'sdk'],
    ['sdk', 'own'],
  ])('has one session: a login by %s ends at one by %s', async (before, after) => {
    const { jar, own, sdk, signIn, actives } = await open()
    await signIn(before, 'before')
    expect((await signIn(after, 'after')).status).toBe(200)
    expect(jar.names).toStrictEqual(after === 'own' ? OWN : OF_SDK)
    expect([await actives('before'), await actives('after')]).toStrictEqual([0, 1])
    expect(await own.navigate('/me')).toMatchObject({ status: 200, body: { userId: 'after' } })
    expect((await sdk.me()).status).toBe(after === 'own' ? 401 : 200)
  })

  it.each<Which>(['own', 'sdk'])('ends both sessions with a login by %s', async (by) => {
    const { jar, signIn, actives, own } = await openWithBoth()
    await signIn(by, 'anna')
    expect(jar.names).toStrictEqual(by === 'own' ? OWN : OF_SDK)
    expect([await actives('web'), await actives('app'), await actives('anna')]).toStrictEqual([0, 0, 1])
    expect(await own.navigate('/me')).toMatchObject({ status: 200, body: { userId: 'anna' } })
  })

  it.each<[string, (site: Awaited<ReturnType<typeof open>>) => Promise<Answer>]>([
    ['at the route of Pawl', ({ own }) => own.logout()],
    ['at the route of the protocol', ({ sdk }) => sdk.signOut()],
    ['by `revoke` in a request of its own', ({ own }) => own.visit('POST', '/bye', { handler: signOut })],
    ['by `revoke` in a request of the SDK', ({ sdk }) => sdk.send('POST', '/bye', { handler: signOut })],
  ])('signs out of both %s', async (_where, bye) => {
    for (const has of ['both', 'own', 'sdk'] as const) {
      const site = await (has === 'both' ? openWithBoth() : open())
      if (has !== 'both') await site.signIn(has, has === 'own' ? 'web' : 'app')
      const answer = await bye(site)
      expect([200, 204]).toContain(answer.status)
      expect(site.jar.names).toStrictEqual([])
      expect([await site.actives('web'), await site.actives('app')]).toStrictEqual([0, 0])
      expect((await site.own.navigate('/me')).status).toBe(401)
    }
  })

  it('acts with the session of the protocol that a request speaks', async () => {
    const { own, sdk } = await openWithBoth()
    expect(await own.me()).toMatchObject({ status: 200, body: { userId: 'web' } })
    expect(await sdk.me()).toMatchObject({ status: 200, body: { userId: 'app' } })
  })

  it('keeps the session of its cookies when an app signs in or out by headers', async () => {
    const { own, jar, actives, ...site } = await open()
    await own.login({ userId: 'web' })
    const app = createSdk(site, 'header', '/auth', jar)
    expect(await app.login()).toMatchObject({ status: 200, cookies: [] })
    expect(await app.signOut()).toMatchObject({ status: 200 })
    expect([await actives('web'), await actives('anna')]).toStrictEqual([1, 0])
    expect(await own.me()).toMatchObject({ status: 200, body: { userId: 'web' } })
  })

  it('signs out with a token that names no session, and clears both', async () => {
    const { own, jar } = await open()
    for (const name of [OWN[0]!, OF_SDK[0]!]) jar.put(name, 'eyJhbGciOiJIUzI1NiJ9.e30.x')
    expect((await own.logout()).status).toBe(204)
    expect(jar.names).toStrictEqual([])
  })
})

describe('a browser that sends no header of a client SDK', () => {
  async function open() {
    const site = await openSdkSite()
    const anna = site.sdk('cookie')
    await anna.login()
    return { ...site, anna, browser: site.visitor(anna.jar) }
  }

  it('loads pages and sends forms with the session', async () => {
    const { browser, clock } = await open()
    expect(await browser.navigate('/me')).toMatchObject({ status: 200, body: { userId: 'anna' } })
    expect(await browser.visit('POST', '/form', { info: { required: true } })).toMatchObject({ status: 200 })
    expect(await browser.visit('POST', '/form', { headers: fromElsewhere })).toMatchObject({
      status: 403,
      body: { code: 'csrf_rejected' },
    })
    clock.advance(HOUR)
    const expired = await browser.navigate('/me')
    expect([expired.status, codeInPage(expired), expired.cookies]).toStrictEqual([401, 'not_signed_in', []])
  })

  it.each<[string, (site: Awaited<ReturnType<typeof open>>) => unknown]>([
    ['has expired', ({ clock }) => clock.advance(HOUR)],
    ['is of a key that is gone', ({ clock }) => clock.advance(200 * 24 * HOUR)],
    ['is of a session that has ended', ({ sessions }) => sessions.revokeUser('anna')],
    ['has a wrong signature', ({ anna }) => forge(anna)],
  ])('is a visitor while its token %s, and may sign in', async (_what, spoil) => {
    const site = await open()
    const { browser, anna } = site
    await spoil(site)
    const given = {
      info: { optional: true },
      handler: ({ current }: Parameters<Handler>[0]) => Response.json({ userId: current?.userId ?? null }),
    }
    for (const visit of [() => browser.navigate('/', given), () => browser.visit('GET', '/', given)])
      expect(await visit()).toMatchObject({ status: 200, body: { userId: null }, cookies: [] })
    const refused = await browser.me()
    expect(refused).toMatchObject({ status: 401, cookies: [] })
    expect(refused.body).toHaveProperty('refresh', false)
    const answer = await browser.visit('POST', '/login', { handler: login, info: { optional: true } })
    expect(answer.status).toBe(200)
    expect(anna.jar.names).toStrictEqual(['__Host-pawl-access', '__Secure-pawl-refresh'])
    expect(await browser.navigate('/me')).toMatchObject({ status: 200, body: { userId: 'pawl' } })
  })

  it('signs in by the cookies of Pawl, which then count', async () => {
    const { browser, anna, sessions } = await open()
    const answer = await browser.visit('POST', '/login', { handler: login })
    expect(answer.headers.has('front-token')).toBe(false)
    expect(anna.jar.names).toStrictEqual(['__Host-pawl-access', '__Secure-pawl-refresh'])
    expect(await browser.me()).toMatchObject({ status: 200, body: { userId: 'pawl' } })
    expect((await browser.refresh()).status).toBe(200)
    const [{ endReason } = { endReason: null }] = await sessions.list('anna')
    expect(endReason).toBe('replaced')
  })

  it('gets renewed tokens in the cookies that it has', async () => {
    const { browser, anna } = await open()
    const before = anna.jar.get('sRefreshToken')
    const handler: Handler = async (session) => Response.json(await session.reauthenticate())
    const answer = await browser.visit('POST', '/renew', { handler })
    expect(parseFrontToken(answer.headers.get('front-token')).uid).toBe('anna')
    expect(anna.jar.get('sRefreshToken')).not.toBe(before)
    expect((await anna.refresh()).status).toBe(200)
  })

  it.each(['x', 'eyJhbGciOiJSUzI1NiJ9.e30.x'])(
    'speaks the protocol of Pawl with the cookie %j',
    async (value) => {
      const { visitor } = await openSdkSite()
      const browser = visitor()
      browser.jar.put('sAccessToken', value)
      expect(await browser.me()).toMatchObject({
        status: 401,
        body: { code: 'not_signed_in', refresh: false },
      })
    },
  )

  it('has at most four access tokens', async () => {
    const { anna, browser } = await open()
    const token = anna.jar.get('sAccessToken')!
    const others = (count: number) =>
      Array.from({ length: count }, (_, at) => `sAccessToken=x${at}; `).join('')
    const me = (count: number) => browser.me({ headers: { cookie: `${others(count)}sAccessToken=${token}` } })
    expect([(await me(3)).status, (await me(4)).status]).toStrictEqual([200, 401])
  })

  it('opens a WebSocket with the session, from a page of this site', async () => {
    const { anna, sessions } = await open()
    const http = sessionsOverHttp(sessions, { protocol: supertokens() })
    const handshake = (headers: Record<string, string>) =>
      http.handle(
        fakeExchange({
          headers: {
            host: 'app.example.com',
            upgrade: 'websocket',
            cookie: anna.jar.header('/')!,
            ...headers,
          },
        }),
      )
    expect(await handshake({ origin: ORIGIN })).toMatchObject({ session: { userId: 'anna' } })
    expect(await handshake(fromElsewhere)).toMatchObject({ reply: { status: 403 } })
    expect(await handshake({ cookie: 'sAccessToken=x', 'st-auth-mode': 'cookie' })).toMatchObject({
      session: { error: { code: 'ERR_ACCESS_TOKEN_INVALID' } },
    })
  })

  it('is known to code without a response', async () => {
    const { anna, sessions } = await open()
    const { read } = fetchSessions(sessions, { protocol: supertokens() })
    const headers = new Headers({ cookie: anna.jar.header('/')! })
    expect(read({ headers })).toMatchObject({ userId: 'anna' })
    expect(read({ headers: new Headers({ cookie: 'sAccessToken=x' }) })).toBeNull()
    const token = anna.jar.get('sAccessToken')!
    const app = new Headers({ authorization: `Bearer ${token}`, rid: 'anti-csrf', 'st-auth-mode': 'header' })
    expect(read({ headers: app })).toMatchObject({ userId: 'anna' })
  })
})

describe("with `tokenTransferMethod: 'header'`", () => {
  const headersOnly = () => openSdkSite({ protocol: supertokens({ tokenTransferMethod: 'header' }) })

  it.each(MODES)('a client that asks for the mode %s gets its tokens in headers', async (mode) => {
    const { sdk, clock, sessions } = await headersOnly()
    const app = sdk(mode)
    const answers = [await app.login(), await app.me()]
    clock.advance(HOUR)
    answers.push(await app.refresh(), await app.me(), await app.signOut())
    expect(answers.map(({ status, cookies }) => [status, cookies])).toStrictEqual(
      answers.map(() => [200, []]),
    )
    expect(app.stored).toStrictEqual({ access: '', refresh: '', front: null, antiCsrf: null })
    expect((await sessions.list('anna')).map(({ endReason }) => endReason)).toStrictEqual(['logout'])
    const refused = await app.refresh()
    expect([refused.status, refused.headers.get('front-token'), refused.cookies]).toStrictEqual([
      401,
      'remove',
      [],
    ])
  })

  it('a cookie that a sibling subdomain has planted signs nobody in, and ends nothing', async () => {
    const { sdk, visitor, sessions, clock } = await headersOnly()
    const mallory = sdk('header')
    await mallory.login()
    const plant = ({ jar }: { jar: CookieJar }) => {
      jar.put('sAccessToken', mallory.stored.access, '/', 'example.com')
      jar.put('sRefreshToken', mallory.stored.refresh, '/', 'example.com')
      jar.put('sIdRefreshToken', 'x', '/', 'example.com')
    }
    const [browser, app] = [visitor(), sdk('header')]
    for (const client of [browser, app]) plant(client)
    expect((await browser.navigate('/me')).status).toBe(401)
    expect((await app.me()).body).toStrictEqual({ message: 'unauthorised' })
    expect((await app.refresh()).body).toStrictEqual({ message: 'unauthorised' })
    expect((await app.signOut()).body).toStrictEqual({ message: 'unauthorised' })
    await app.login({ handler: login })
    await browser.login({ userId: 'web' })
    clock.advance(HOUR)
    for (const client of [browser, app]) expect(await client.refresh()).toMatchObject({ status: 200 })
    expect([(await browser.me()).body, (await app.me()).body]).toMatchObject([
      { userId: 'web' },
      { userId: 'pawl' },
    ])
    expect((await browser.logout()).cookies.join()).not.toContain('sAccessToken')
    expect((await sessions.list('anna')).map(({ active }) => active)).toStrictEqual([true])
  })

  it('requests of other sites pass: none of them has a cookie that counts', async () => {
    const { visitor } = await headersOnly()
    const answer = await visitor().visit('POST', '/auth/session/refresh', { headers: fromElsewhere })
    expect(answer).toMatchObject({ status: 401, body: { message: 'unauthorised' } })
  })
})

describe('requests of other sites', () => {
  it('are refused in cookie mode, and keep the session', async () => {
    const { sdk } = await openSdkSite()
    const anna = sdk('cookie')
    await anna.login()
    for (const [method, target] of [
      ['POST', '/notes'],
      ['POST', '/auth/session/refresh'],
      ['POST', '/auth/signout'],
      ['POST', '/login'],
    ] as const) {
      const answer = await anna.send(method, target, { headers: fromElsewhere, handler: login })
      expect(answer).toMatchObject({ ...refused('csrf_rejected'), cookies: [] })
      expect(answer.headers.has('front-token')).toBe(false)
    }
    expect((await anna.refresh()).status).toBe(200)
  })

  it('are refused without a header of a client SDK, whatever they carry', async () => {
    const { visitor, sdk } = await openSdkSite()
    const app = sdk('header')
    await app.login()
    const forged = visitor()
    for (const target of ['/auth/session/refresh', '/auth/signout'])
      expect(await forged.visit('POST', target, { headers: fromElsewhere })).toMatchObject(
        refused('csrf_rejected'),
      )
  })

  it('pass in header mode: no page can make a browser send those headers', async () => {
    const { sdk } = await openSdkSite({ csrf: 'token' })
    const app = sdk('header')
    expect((await app.login({ headers: fromElsewhere })).status).toBe(200)
    const required = { headers: fromElsewhere, info: { csrf: true } }
    expect(await app.send('POST', '/notes', required)).toMatchObject({ status: 200 })
    expect(await app.refresh({ headers: fromElsewhere })).toMatchObject({ status: 200 })
    expect(await app.signOut({ headers: fromElsewhere })).toMatchObject({ status: 200 })
  })

  it('with the cookies of a session are refused in header mode, too', async () => {
    const { sdk } = await openSdkSite()
    const anna = sdk('cookie')
    await anna.login()
    const headers = { ...fromElsewhere, 'st-auth-mode': 'header' }
    expect(await anna.send('POST', '/notes', { headers })).toMatchObject(refused('csrf_rejected'))
  })

  it.each<['genuine' | 'forged', Mode]>([
    ['genuine', 'cookie'],
    ['genuine', 'header'],
    ['forged', 'cookie'],
    ['forged', 'header'],
  ])(
    'are refused with a %s token in the header and the mode %s, if cookies are at stake',
    async (kind, to) => {
      const { sdk, sessions } = await openSdkSite()
      const [victim, attacker] = [sdk('cookie'), sdk('header')]
      await victim.login()
      await attacker.login({ handler: login })
      const { access, refresh } = attacker.stored
      const [wrongAccess, wrongRefresh] = [access, refresh].map((token) => `${token.slice(0, -6)}AAAAAA`)
      const tokens = kind === 'genuine' ? [access, refresh] : [wrongAccess, wrongRefresh]
      for (const [target, token] of [
        ['/login', tokens[0]],
        ['/auth/signout', tokens[0]],
        ['/auth/session/refresh', tokens[1]],
      ] as const) {
        const headers = { ...fromElsewhere, authorization: `Bearer ${token}`, 'st-auth-mode': to }
        const answer = await victim.send('POST', target, { headers, handler: login })
        expect(answer).toMatchObject({ ...refused('csrf_rejected'), cookies: [] })
        if (to === 'header') continue
        // Without any cookie, this login would set some.
        const blank = await sdk('cookie').send('POST', target, { headers, handler: login })
        expect(blank).toMatchObject({ ...refused('csrf_rejected'), cookies: [] })
      }
      expect((await sessions.list('anna')).map(({ active }) => active)).toStrictEqual([true])
      expect((await victim.refresh()).status).toBe(200)
    },
  )
})

describe("with `csrf: 'token'`", () => {
  it('a client in cookie mode gets an anti-CSRF token with its tokens, and must send it', async () => {
    const { sdk } = await openSdkSite({ csrf: 'token' })
    const anna = sdk('cookie')
    const answer = await anna.login()
    const first = anna.stored.antiCsrf
    expect(first).toMatch(/^[\w-]{16}\.[\w-]{43}$/)
    expect(answer.headers.get('access-control-expose-headers')).toBe('front-token, anti-csrf')
    expect(await anna.send('POST', '/notes')).toMatchObject({ status: 200 })
    for (const token of [undefined, 'x', first!.replace(/^./, (char) => (char === 'A' ? 'B' : 'A'))]) {
      const headers = { 'anti-csrf': token }
      const refusal = await anna.send('POST', '/notes', { headers })
      expect(refusal).toMatchObject(TRY_REFRESH)
      expect(refusal.headers.has('front-token')).toBe(false)
      expect(await anna.signOut({ headers })).toMatchObject(TRY_REFRESH)
    }
    // A refresh needs none: the client may have lost it.
    const refresh = await anna.refresh({ headers: { 'anti-csrf': undefined } })
    expect([refresh.status, refresh.headers.has('anti-csrf')]).toStrictEqual([200, true])
    expect(anna.stored.antiCsrf).not.toBe(first)
    expect(await anna.send('POST', '/notes')).toMatchObject({ status: 200 })
    expect(await anna.signOut()).toMatchObject({ status: 200 })
    expect(anna.stored.antiCsrf).toBeNull()
  })

  it('a client in header mode gets none', async () => {
    const { sdk } = await openSdkSite({ csrf: 'token' })
    const app = sdk('header')
    await app.login()
    await app.refresh()
    expect(app.stored.antiCsrf).toBeNull()
  })

  it('without the option, a route that requires a token answers 403: no refresh gives one', async () => {
    const { sdk } = await openSdkSite()
    const anna = sdk('cookie')
    await anna.login()
    const given = { info: { csrf: true } }
    expect(await anna.send('POST', '/notes', given)).toMatchObject(refused('csrf_rejected'))
  })
})

describe('pages of other origins', () => {
  const shared = { cors: true, trustedOrigins: [SPA] }

  it('may read the headers of the protocol, besides those of the application', async () => {
    const { sdk } = await openSdkSite(shared)
    const names = async (mode: Mode): Promise<string[]> => {
      const handler: Handler = async (session) =>
        Response.json(await session.create({ userId: 'anna' }), {
          headers: { 'access-control-expose-headers': 'X-Own' },
        })
      const { headers } = await sdk(mode).login({ headers: fromSpa, handler })
      expect(headers.get('access-control-allow-origin')).toBe(SPA)
      return headers.get('access-control-expose-headers')!.split(', ').sort()
    }
    expect(await names('cookie')).toStrictEqual(['Retry-After', 'X-Own', 'dpop-nonce', 'front-token'])
    expect(await names('header')).toStrictEqual([
      'Retry-After',
      'X-Own',
      'dpop-nonce',
      'front-token',
      'st-access-token',
      'st-refresh-token',
    ])
    const { headers } = await sdk('cookie').refresh({ headers: fromSpa })
    expect(headers.get('access-control-expose-headers')!.split(', ').sort()).toStrictEqual([
      'Retry-After',
      'dpop-nonce',
      'front-token',
    ])
  })

  it('may send the headers of the protocol', async () => {
    const { visitor } = await openSdkSite(shared)
    const asked = 'content-type,rid,fdi-version,anti-csrf,authorization,st-auth-mode'
    for (const target of ['/auth/session/refresh', '/auth/signout', '/me']) {
      const { status, headers } = await visitor().visit('OPTIONS', target, {
        headers: {
          ...fromSpa,
          'access-control-request-method': 'POST',
          'access-control-request-headers': asked,
        },
      })
      expect([status, headers.get('access-control-allow-credentials')]).toStrictEqual([204, 'true'])
      expect(headers.get('access-control-allow-headers')!.split(', ')).toEqual(
        expect.arrayContaining(asked.split(',')),
      )
    }
  })

  it('cause no warning about cookies in header mode', async () => {
    const warned: string[] = []
    const warn = (_fields: object, message: string): void => void warned.push(message)
    const { sdk } = await openSdkSite(shared, { logger: { ...silentLogger, warn } })
    const headers = { ...fromSpa, 'sec-fetch-site': 'cross-site' }
    expect((await sdk('header').login({ headers })).status).toBe(200)
    expect(warned).toStrictEqual([])
  })
})

it.each(MODES)('warns of claims that are large in %s mode, counting what the client gets', async (mode) => {
  const { sdk, sessions } = await openSdkSite()
  const warned: { bytes: number }[] = []
  sessions.on('cookiesLarge', (event) => void warned.push(event))
  async function loginWith(size: number): Promise<number> {
    const claims = { pad: 'x'.repeat(size) }
    const handler: Handler = async (session) => Response.json(await session.create({ userId: 'u', claims }))
    const { headers } = await sdk(mode).login({ handler })
    const sent = [...headers].filter(([name]) => /^set-cookie$|-token$/.test(name))
    return sent.reduce((sum, [name, value]) => sum + `${name}: ${value}\r\n`.length, 0)
  }
  expect(await loginWith(700)).toBeLessThan(3072)
  expect(warned).toStrictEqual([])
  const bytes = await loginWith(900)
  expect(warned).toStrictEqual([{ bytes: expect.any(Number), limit: 3072 }])
  // `Access-Control-Expose-Headers` counts, too.
  expect(warned[0]!.bytes - bytes).toBeGreaterThan(0)
  expect(warned[0]!.bytes - bytes).toBeLessThan(150)
  await loginWith(1000)
  expect(warned).toHaveLength(1)
})

it('serves the public keys to every page', async () => {
  const { sdk, sessions } = await openSdkSite({}, { keys: { algorithm: 'ES256' } })
  const answer = await sdk('header').send('GET', '/auth/jwt/jwks.json')
  expect(answer).toMatchObject({ status: 200, body: JSON.parse(JSON.stringify(sessions.keys.jwks())) })
  expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  const symmetric = (await openSdkSite()).sdk('header')
  const handler: Handler = () => new Response(null, { status: 404 })
  for (const [given, status] of [
    [{ handler }, 404],
    [{ info: { required: true } }, 401],
  ] as const) {
    const own = await symmetric.send('GET', '/auth/jwt/jwks.json', given)
    expect([own.status, own.headers.has('access-control-allow-origin')]).toStrictEqual([status, false])
  }
})

describe('the calls of the store', () => {
  it.each(MODES)('of a client in %s mode are those of a client of Pawl', async (mode) => {
    /** A whole life of a session, as the calls of each step. */
    async function life(open: 'own' | 'sdk'): Promise<string[][]> {
      const { store, calls } = counting(memory())
      const { sessions, clock } = await openWithClock({ store })
      const withSession = fetchSessions(sessions, { protocol: supertokens() })
      const jar = createJar()
      const visitor = asVisitor(
        jar,
        async (method, target, { handler = me, info = {}, headers = {} } = {}) => {
          const cookie = jar.header(target)
          const sent = new Headers({
            'sec-fetch-site': 'same-origin',
            ...(cookie !== undefined && { cookie }),
          })
          for (const [name, value] of Object.entries(headers)) if (value !== undefined) sent.set(name, value)
          const answer = await withSession(
            new Request(ORIGIN + target, { method, headers: sent }),
            handler,
            info,
          )
          jar.store(answer.headers.getSetCookie())
          return { status: answer.status, headers: answer.headers, cookies: [], text: '', body: undefined }
        },
      )
      const client = open === 'own' ? visitor : createSdk({ visitor: () => visitor }, mode)
      const steps: (() => Promise<unknown>)[] = [
        () => ('logout' in client ? client.login({ userId: 'anna' }) : client.login()),
        () => client.me(),
        () => client.me(),
        () => {
          clock.advance(HOUR)
          return client.me()
        },
        () => client.refresh(),
        () => client.me(),
        () => client.refresh(),
        () => ('logout' in client ? client.logout() : client.signOut()),
        () => client.refresh(),
      ]
      const seen: string[][] = []
      for (const step of steps) {
        calls.length = 0
        await step()
        await sessions.flush()
        seen.push([...calls])
      }
      return seen
    }
    const me: Handler = ({ userId }) => Response.json({ userId })
    expect(await life('sdk')).toStrictEqual(await life('own'))
  })
})

it('never turns a page load by the own protocol into an answer of this one', async () => {
  const { visitor, clock } = await openSdkSite()
  const own = visitor()
  await own.login()
  clock.advance(HOUR)
  const { status, headers } = await own.visit('GET', '/me', { headers: NAVIGATION, info: { required: true } })
  expect([status, headers.get('location')]).toStrictEqual([
    303,
    expect.stringMatching(/^\/session\/refresh\?/),
  ])
})
