import { describe, expect, it } from 'vitest'
import { fetchSessions } from '../../src/adapters/fetch/index.ts'
import { sessionsOverHttp } from '../../src/http/http.ts'
import { memory } from '../../src/memory/index.ts'
import { supertokens } from '../../src/supertokens/index.ts'
import { fakeExchange } from '../support/http-exchange.ts'
import { createJar } from '../support/http-jar.ts'
import { type Answer, asVisitor, type Handler, NAVIGATION, ORIGIN, openSite } from '../support/http-site.ts'
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

  it('and one by the other have sessions of their own', async () => {
    const { visitor, sessions } = await openSdkSite()
    const jar = createJar()
    const own = visitor(jar)
    const app = createSdk({ visitor }, 'cookie', '/auth', jar)
    await own.login({ userId: 'web' })
    await app.login()
    expect(jar.names).toStrictEqual([
      '__Host-pawl-access',
      '__Secure-pawl-refresh',
      'sAccessToken',
      'sRefreshToken',
    ])
    expect(await own.me()).toMatchObject({ status: 200, body: { userId: 'web' } })
    expect(await app.me()).toMatchObject({ status: 200, body: { userId: 'anna' } })
    expect(await app.signOut()).toMatchObject({ status: 200 })
    expect(jar.names).toStrictEqual(['__Host-pawl-access', '__Secure-pawl-refresh'])
    expect(await own.refresh()).toMatchObject({ status: 200 })
    expect((await sessions.list('web')).map(({ active }) => active)).toStrictEqual([true])
  })

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
    expect(await browser.visit('POST', '/form', { headers: fromElsewhere })).toMatchObject(
      refused('csrf_rejected'),
    )
    clock.advance(HOUR)
    expect(await browser.navigate('/me')).toMatchObject(TRY_REFRESH)
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
    expect(await handshake({ cookie: 'sAccessToken=x', rid: 'anti-csrf' })).toMatchObject({
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
    for (const token of [undefined, 'x', first!.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))]) {
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

it('serves the public keys to every page', async () => {
  const { sdk, sessions } = await openSdkSite({}, { keys: { algorithm: 'ES256' } })
  const answer = await sdk('header').send('GET', '/auth/jwt/jwks.json')
  expect(answer).toMatchObject({ status: 200, body: JSON.parse(JSON.stringify(sessions.keys.jwks())) })
  expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  const symmetric = await openSdkSite()
  const handler: Handler = () => new Response(null, { status: 404 })
  expect((await symmetric.sdk('header').send('GET', '/auth/jwt/jwks.json', { handler })).status).toBe(404)
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
