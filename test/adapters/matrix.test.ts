import { randomUUID } from 'node:crypto'
import { expect, it, vi } from 'vitest'
import type { HttpOptions } from '../../src/adapters/node/index.ts'
import { type Sessions, type Store, StoreUnavailableError } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import type { BearerAnswer } from '../../src/wire/names.ts'
import {
  type Application,
  FOR_CDNS,
  forCdns,
  KEPT,
  type ListenOptions,
} from '../support/adapters/application.ts'
import { describeAdapters } from '../support/http-adapters.ts'
import { type Client, createClient, type Received } from '../support/http-client.ts'
import { fragile } from '../support/http-outage.ts'
import { codeInPage, NAVIGATION, THROUGH_WORKER } from '../support/http-site.ts'
import { mute } from '../support/mute.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { FOREIGN_SECRET } from '../support/secrets.ts'
import { openSessions, openWithClock } from '../support/sessions.ts'

const ACCESS = '__Host-pawl-access'
const REFRESH = '__Secure-pawl-refresh'
const MONTH = 'Expires=Thu, 31 Jan 2030 12:00:00 GMT; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax'
const GONE = 'Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax'
const CLEARED = [`${ACCESS}=; Path=/; ${GONE}`, `${REFRESH}=; Path=/session; ${GONE}`]
const NOT_SIGNED_IN = { status: 401, body: { code: 'not_signed_in', refresh: false }, cookies: [] }
const EXPIRED = { status: 401, body: { code: 'access_token_expired', refresh: true }, cookies: [] }
const INVALID = { status: 401, body: { code: 'access_token_invalid', refresh: true }, cookies: [] }
const REJECTED = { status: 403, body: { code: 'csrf_rejected', refresh: false }, cookies: [] }
/** The body of a login or refresh. */
const ANSWER = { expiresIn: expect.any(Number), marker: expect.stringMatching(/^[\w-]{8}$/) }
const CSRF_TOKEN = /^[\w-]{16}\.[\w-]{43}$/
const ENDED = { status: 401, body: { code: 'session_ended', refresh: false } }

/** A header with the CSRF token of a response. `damage` makes it invalid. */
function withToken({ body }: Received, damage = ''): { headers: { 'pawl-csrf': string } } {
  return { headers: { 'pawl-csrf': damage + (body as { csrfToken: string }).csrfToken } }
}

describeAdapters('an application', (adapter) => {
  function scenario(name: string, behavior: string, run: () => Promise<void>): void {
    it(`${name}: ${behavior}`, run)
  }
  async function open(
    http: HttpOptions = {},
    options: Parameters<typeof openWithClock>[0] = {},
    on: ListenOptions = {},
  ) {
    const { sessions, clock, store } = await openWithClock(options)
    const application: Application = await adapter.listen(sessions, http, on)
    return { sessions, clock, store, application, client: (): Client => createClient(application.port) }
  }
  async function openSignedIn(...given: Parameters<typeof open>) {
    const opened = await open(...given)
    const anna = opened.client()
    const login = await anna.send('POST', '/login?user=anna')
    expect(login.status).toBe(200)
    return { ...opened, anna, login }
  }
  const refresh = (client: Client): Promise<Received> => client.send('POST', '/session/refresh')
  const me = (client: Client): Promise<Received> => client.send('GET', '/me')

  scenario('serverless', 'writes what a request proved before its answer ends', async () => {
    const order: string[] = []
    const inner = memory()
    const store: Store = {
      ...inner,
      async turnMany(turns) {
        // Longer than an answer takes.
        await new Promise((resolve) => setTimeout(resolve, 30))
        order.push('written')
        return inner.turnMany(turns)
      },
    }
    const { anna } = await openSignedIn({}, { store, serverless: true })
    await anna.send('POST', '/session/refresh')
    expect((await anna.send('GET', '/me')).status).toBe(200)
    order.push('answered')
    expect(order).toStrictEqual(['written', 'answered'])
  })

  scenario('prune', 'answers the cron that knows the secret', async () => {
    const { client } = await open({ cron: { secret: 'a-secret-of-the-cron' } })
    const ask = (secret: string): Promise<Received> =>
      client().send('GET', '/session/prune', { headers: { authorization: `Bearer ${secret}` } })
    expect((await ask('another-secret-here')).status).toBe(401)
    expect(await ask('a-secret-of-the-cron')).toMatchObject({
      status: 200,
      body: { sessions: 0, more: false },
    })
  })

  scenario('login', 'sets both cookies as HttpOnly', async () => {
    const { login } = await openSignedIn()
    expect(login.body).toStrictEqual(ANSWER)
    expect(login.cookies).toStrictEqual([
      `${ACCESS}=<access>; Path=/; ${MONTH}`,
      `${REFRESH}=<refresh>; Path=/session; ${MONTH}`,
    ])
  })

  scenario('read', 'gives a route the session of the request', async () => {
    const { anna } = await openSignedIn()
    expect(await me(anna)).toMatchObject({
      status: 200,
      body: { userId: 'anna', claims: { role: 'user' }, generation: 0 },
      cookies: [],
    })
    expect((await anna.send('POST', '/notes')).status).toBe(200)
  })

  scenario('expired access token', 'answers 401, asks for a refresh and keeps the cookies', async () => {
    const { anna, clock } = await openSignedIn()
    clock.advance(900)
    expect(await me(anna)).toMatchObject(EXPIRED)
  })

  scenario('refresh', 'sets two new cookies', async () => {
    const { anna, clock } = await openSignedIn()
    clock.advance(900)
    const refreshed = await refresh(anna)
    expect([refreshed.status, refreshed.body]).toStrictEqual([200, ANSWER])
    expect(refreshed.cookies).toHaveLength(2)
    expect(await me(anna)).toMatchObject({ status: 200, body: { generation: 1 } })
  })

  scenario('acting', 'continues as another user until it is stopped', async () => {
    const { anna, clock } = await openSignedIn()
    const who = async (): Promise<unknown> => (await anna.send('GET', '/actor')).body
    const started = await anna.send('POST', '/act?user=ben')
    expect([started.status, started.cookies]).toStrictEqual([200, [`${ACCESS}=<access>; Path=/; ${MONTH}`]])
    expect(await who()).toStrictEqual({ userId: 'ben', by: 'anna' })
    clock.advance(800)
    expect((await refresh(anna)).status).toBe(200)
    expect(await who()).toStrictEqual({ userId: 'ben', by: 'anna' })
    expect(await anna.send('POST', '/act?user=eve')).toMatchObject({
      status: 403,
      body: { code: 'acting_refused' },
    })
    expect(await anna.send('POST', '/stop')).toMatchObject({ status: 200, body: { expiresIn: 0 } })
    expect(await anna.send('GET', '/actor')).toMatchObject(EXPIRED)
    expect((await refresh(anna)).status).toBe(200)
    expect(await who()).toStrictEqual({ userId: 'anna', by: null })
  })

  scenario('logout', 'revokes the session and clears its cookies', async () => {
    const { anna, sessions } = await openSignedIn()
    const out = await anna.send('POST', '/session/logout')
    expect([out.status, out.text, out.cookies]).toStrictEqual([204, '', CLEARED])
    expect(anna.jar.names).toStrictEqual([])
    expect(await me(anna)).toMatchObject(NOT_SIGNED_IN)
    expect((await sessions.list('anna'))[0]).toMatchObject({ active: false, endReason: 'logout' })
  })

  scenario(
    'visitors',
    'refuses a request without cookies, unless the route makes the session optional',
    async () => {
      const { client } = await open()
      expect(await me(client())).toMatchObject(NOT_SIGNED_IN)
      expect(await refresh(client())).toMatchObject(NOT_SIGNED_IN)
      expect(await client().send('GET', '/hello')).toMatchObject({ status: 200, body: { userId: null } })
      expect((await client().send('GET', '/elsewhere')).status).toBe(404)
    },
  )

  scenario('missing guard', 'answers 401 if an unguarded route reads the user of a visitor', async () => {
    const { client, application } = await open()
    expect(await client().send('GET', '/forgotten')).toMatchObject(NOT_SIGNED_IN)
    expect(await client().send('GET', '/check')).toMatchObject(NOT_SIGNED_IN)
    expect(application.errors).toStrictEqual([])
  })

  scenario(
    'concurrent refresh',
    'answers twenty concurrent refreshes of one token, and every response is usable',
    async () => {
      const { anna, application, clock, sessions } = await openSignedIn()
      clock.advance(900)
      const tabs = Array.from({ length: 20 }, () => createClient(application.port, anna.jar.copy()))
      const answers = await Promise.all(tabs.map(refresh))
      expect(answers.map(({ status }) => status)).toStrictEqual(Array(20).fill(200))
      expect(new Set(tabs.map(({ jar }) => jar.get(REFRESH))).size).toBe(20)
      // The browser keeps one refresh token, but scripts may use every access token.
      expect((await Promise.all(tabs.map(me))).map(({ status }) => status)).toStrictEqual(Array(20).fill(200))
      await sessions.flush()
      clock.advance(900)
      const kept = tabs[7]!
      expect((await refresh(kept)).status).toBe(200)
      expect((await me(kept)).status).toBe(200)
      expect((await sessions.list('anna')).map(({ active }) => active)).toStrictEqual([true])
    },
  )

  scenario('revoked elsewhere', 'refuses a session that another process has revoked', async () => {
    const { anna, sessions, store, clock } = await openSignedIn()
    // This process cannot notify the others.
    const elsewhere = await openSessions({ store: mute(store), now: clock.now })
    await elsewhere.revokeUser('anna')
    // The access token stays valid until the feed or a read of the row shows the revocation.
    expect(await me(anna)).toMatchObject({ status: 200 })
    expect(await anna.send('GET', '/check')).toMatchObject({ ...ENDED, cookies: [] })
    expect(await me(anna)).toMatchObject({ ...ENDED, cookies: [] })
    expect(await refresh(anna)).toMatchObject({ ...ENDED, cookies: CLEARED })
    expect((await sessions.list('anna'))[0]!.endReason).toBe('revoked')
  })

  scenario('lookup', 'reads the row if the route or the option `revocation` requires it', async () => {
    const { anna, store, clock } = await openSignedIn()
    const lookupApp = await open({}, { store, now: clock.now, revocation: { mode: 'lookup' } })
    const lookupClient = createClient(lookupApp.application.port, anna.jar)
    expect(await me(lookupClient)).toMatchObject({ status: 200 })
    expect(await anna.send('POST', '/transfer')).toMatchObject({ status: 200, body: { userId: 'anna' } })
    const elsewhere = await openSessions({ store: mute(store), now: clock.now })
    await elsewhere.revokeUser('anna')
    expect(await me(anna)).toMatchObject({ status: 200 })
    expect(await me(lookupClient)).toMatchObject({ ...ENDED, cookies: [] })
    expect(await anna.send('POST', '/transfer')).toMatchObject({ ...ENDED, cookies: [] })
    expect(await me(anna)).toMatchObject({ ...ENDED, cookies: [] })
  })

  scenario(
    'lookup in an outage',
    'answers 503 and keeps the cookies if a lookup cannot reach the store',
    async () => {
      const database = fragile(memory())
      const { anna } = await openSignedIn({}, { store: database.store })
      database.down = true
      expect(await me(anna)).toMatchObject({ status: 200 })
      const answer = await anna.send('POST', '/transfer')
      expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' }, cookies: [] })
      expect(answer.headers['retry-after']).toBe('5')
    },
  )

  scenario('other devices', 'revokes all other sessions of the user', async () => {
    const { anna, client } = await openSignedIn()
    const phone = client()
    await phone.send('POST', '/login?user=anna')
    expect(await anna.send('POST', '/bye-others')).toMatchObject({ status: 200, body: { ended: 1 } })
    expect(await me(phone)).toMatchObject(ENDED)
    expect(await me(anna)).toMatchObject({ status: 200 })
  })

  scenario('session limit', 'refuses a login beyond the limit with 403 and sets no cookie', async () => {
    const { anna, client } = await openSignedIn(
      {},
      { limits: { sessionsPerUser: 1, onSessionLimit: 'reject' } },
    )
    const answer = await client().send('POST', '/login?user=anna')
    expect(answer).toMatchObject({
      status: 403,
      body: { code: 'session_limit', refresh: false },
      cookies: [],
    })
    // A new login in the same browser replaces its own session, so the limit is not exceeded.
    expect((await anna.send('POST', '/login?user=anna')).status).toBe(200)
  })

  scenario(
    'another user agent',
    'asks for a refresh if the access token comes from another user agent',
    async () => {
      const { client, clock } = await open({}, { accessToken: { onContextChange: 'refresh' } })
      const anna = client()
      const as = (userAgent: string) => ({ headers: { 'user-agent': userAgent } })
      await anna.send('POST', '/login?user=anna', as('one'))
      clock.advance(60)
      expect(await anna.send('GET', '/me', as('another'))).toMatchObject(EXPIRED)
      expect(await anna.send('GET', '/me', as('one'))).toMatchObject({ status: 200 })
      expect((await anna.send('POST', '/session/refresh', as('another'))).status).toBe(200)
      clock.advance(60)
      expect(await anna.send('GET', '/me', as('another'))).toMatchObject({ status: 200 })
      expect(await anna.send('GET', '/me', as('one'))).toMatchObject(EXPIRED)
    },
  )

  scenario(
    'inline refresh of old claims',
    'renews the access token within the request if the row has newer claims',
    async () => {
      const { anna, store, clock, sessions } = await openSignedIn({ refresh: 'inline' })
      const lookupApp = await open(
        { refresh: 'inline' },
        { store, now: clock.now, revocation: { mode: 'lookup' } },
      )
      const lookupClient = createClient(lookupApp.application.port, anna.jar)
      const elsewhere = await openSessions({ store: mute(store), now: clock.now })
      const { sessionId } = (await sessions.list('anna'))[0]!
      await elsewhere.setClaims(sessionId, { role: 'editor' })
      expect(await anna.send('POST', '/transfer')).toMatchObject({
        status: 200,
        body: { claims: { role: 'editor' } },
      })
      await elsewhere.setClaims(sessionId, { role: 'admin' })
      expect(await me(lookupClient)).toMatchObject({ status: 200, body: { claims: { role: 'admin' } } })
    },
  )

  scenario('theft', 'detects the reuse of a refresh token and signs out both parties', async () => {
    const { anna, application, clock, sessions } = await openSignedIn()
    const thief = createClient(application.port, anna.jar.copy())
    for (let turn = 0; turn < 2; turn++) {
      clock.advance(900)
      await refresh(anna)
      await me(anna)
      await sessions.flush()
    }
    clock.advance(900)
    expect(await refresh(thief)).toMatchObject({
      status: 401,
      body: { code: 'refresh_token_reused', refresh: false },
      cookies: CLEARED,
    })
    expect(await refresh(anna)).toMatchObject({ ...ENDED, cookies: CLEARED })
  })

  scenario('csrf', 'refuses unsafe requests from another site', async () => {
    const { anna, client, sessions } = await openSignedIn()
    const foreign = { headers: { 'sec-fetch-site': 'cross-site' } }
    const old = { headers: { 'sec-fetch-site': '', origin: 'https://evil.example' } }
    for (const sent of [foreign, old]) {
      expect(await anna.send('POST', '/notes', sent)).toMatchObject(REJECTED)
      expect(await anna.send('POST', '/session/logout', sent)).toMatchObject(REJECTED)
      expect(await anna.send('POST', '/session/refresh', sent)).toMatchObject(REJECTED)
      expect(await client().send('POST', '/login?user=mallory', sent)).toMatchObject(REJECTED)
    }
    expect((await anna.send('GET', '/me', foreign)).status).toBe(200)
    const same = { headers: { 'sec-fetch-site': '', origin: 'https://app.example.com' } }
    expect((await anna.send('POST', '/notes', same)).status).toBe(200)
    const noPage = { headers: { 'sec-fetch-site': '' } }
    expect((await anna.send('POST', '/notes', noPage)).status).toBe(200)
    expect(await sessions.list('mallory')).toStrictEqual([])
  })

  scenario(
    'csrf token',
    'is in every login and refresh response, and unsafe requests must send it',
    async () => {
      const { anna, client, clock, login } = await openSignedIn({ csrf: 'token' })
      const withCsrfToken = { ...ANSWER, csrfToken: expect.stringMatching(CSRF_TOKEN) }
      expect(login.body).toStrictEqual(withCsrfToken)
      const otherLogin = await client().send('POST', '/login?user=anna')
      for (const wrong of [{}, withToken(login, 'A'), withToken(otherLogin)]) {
        expect(await anna.send('POST', '/notes', wrong)).toMatchObject(REJECTED)
        expect(await anna.send('POST', '/login?user=berta', wrong)).toMatchObject(REJECTED)
        expect(await anna.send('POST', '/session/logout', wrong)).toMatchObject(REJECTED)
      }
      expect(await me(anna)).toMatchObject({ status: 200, cookies: [] })
      expect((await anna.send('POST', '/notes', withToken(login))).status).toBe(200)
      clock.advance(900)
      const refreshed = await refresh(anna)
      expect([refreshed.status, refreshed.body]).toStrictEqual([200, withCsrfToken])
      expect((await anna.send('POST', '/notes', withToken(refreshed))).status).toBe(200)
      const out = await anna.send('POST', '/session/logout', withToken(refreshed))
      expect([out.status, out.cookies]).toStrictEqual([204, CLEARED])
    },
  )

  scenario(
    'csrf token and inline refresh',
    'refuses an unsafe request without the token, and renews nothing',
    async () => {
      const { anna, clock, login } = await openSignedIn({ csrf: 'token', refresh: 'inline' })
      clock.advance(900)
      expect(await anna.send('POST', '/notes')).toMatchObject(REJECTED)
      const renewed = await anna.send('POST', '/notes', withToken(login))
      expect([renewed.status, renewed.cookies.length]).toStrictEqual([200, 2])
    },
  )

  scenario('bearer', 'serves bearer clients without any cookie', async () => {
    const { client, clock } = await open()
    const app = client()
    const bearerHeaders = {
      'pawl-transport': 'bearer',
      'content-type': 'application/json',
      'sec-fetch-site': 'cross-site',
    }
    const use = ({ accessToken }: BearerAnswer): Promise<Received> =>
      app.send('GET', '/me', { headers: { authorization: `Bearer ${accessToken}` } })
    const refreshBy = ({ refreshToken }: BearerAnswer): Promise<Received> =>
      app.send('POST', '/session/refresh', { headers: bearerHeaders, body: JSON.stringify({ refreshToken }) })

    const first = (await app.send('POST', '/login?user=anna', { headers: bearerHeaders }))
      .body as BearerAnswer
    expect(await use(first)).toMatchObject({ status: 200, body: { userId: 'anna', generation: 0 } })
    clock.advance(900)
    const expired = await use(first)
    expect([expired.status, expired.headers['www-authenticate']]).toStrictEqual([
      401,
      'Bearer error="invalid_token"',
    ])
    const second = (await refreshBy(first)).body as BearerAnswer
    expect(await use(second)).toMatchObject({ status: 200, body: { generation: 1 } })
    const out = await app.send('POST', '/session/logout', {
      headers: bearerHeaders,
      body: JSON.stringify({ refreshToken: second.refreshToken }),
    })
    expect(out.status).toBe(204)
    expect(await refreshBy(second)).toMatchObject({ ...ENDED, cookies: [] })
    expect(app.jar.names).toStrictEqual([])
  })

  scenario(
    'large bearer body',
    'refuses a bearer refresh whose body is too large, and keeps serving',
    async () => {
      const { client } = await open()
      const headers = { 'pawl-transport': 'bearer', 'content-type': 'application/json' }
      const body = JSON.stringify({ refreshToken: 'x'.repeat(100_000) })
      expect(await client().send('POST', '/session/refresh', { headers, body })).toMatchObject({
        status: 401,
        body: { code: 'refresh_token_invalid', refresh: false },
      })
      expect((await client().send('GET', '/hello')).status).toBe(200)
    },
  )

  scenario(
    'outage',
    'accepts valid access tokens while the store is down, answers 503 otherwise, and clears no cookie',
    async () => {
      const database = fragile(memory())
      const { anna, client } = await openSignedIn({}, { store: database.store })
      database.down = true
      expect((await me(anna)).status).toBe(200)
      for (const answer of [
        await refresh(anna),
        await anna.send('POST', '/session/logout'),
        await anna.send('POST', '/bye'),
        await anna.send('GET', '/check'),
        await client().send('POST', '/login?user=berta'),
      ]) {
        expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' }, cookies: [] })
        expect(answer.headers['retry-after']).toBe('5')
      }
      database.down = false
      expect((await refresh(anna)).status).toBe(200)
    },
  )

  scenario('resumed page load', 'redirects a page load to the refresh route and back', async () => {
    const { anna, clock } = await openSignedIn()
    clock.advance(900)
    const page = { headers: NAVIGATION }
    const redirected = await anna.send('GET', '/me?tab=1', page)
    expect([redirected.status, redirected.headers.location]).toStrictEqual([
      303,
      '/session/refresh?to=%2Fme%3Ftab%3D1',
    ])
    const back = await anna.send('GET', redirected.headers.location!, page)
    expect(back.status).toBe(303)
    expect(back.headers.location).toMatch(/^\/me\?tab=1&pawl-resumed=\w+$/)
    expect(back.cookies).toHaveLength(2)
    const unmarked = await anna.send('GET', back.headers.location!, page)
    expect([unmarked.status, unmarked.headers.location]).toStrictEqual([303, '/me?tab=1'])
    expect(unmarked.headers['cache-control']).toBe('private, no-store')
    expect((await anna.send('GET', '/me?tab=1', page)).status).toBe(200)
  })

  scenario('page load through a service worker', 'is resumed, and refused in words', async () => {
    const database = fragile(memory())
    const { anna, client, clock } = await openSignedIn({}, { store: database.store })
    clock.advance(900)
    for (const headers of Object.values(THROUGH_WORKER)) {
      expect((await anna.send('GET', '/me', { headers })).status).toBe(303)
      const refused: readonly (readonly [Received, number, string])[] = [
        [await client().send('GET', '/me', { headers }), 401, 'not_signed_in'],
        [await anna.send('POST', '/notes', { headers }), 401, 'access_token_expired'],
        [
          await anna.send('POST', '/notes', { headers: { ...headers, 'sec-fetch-site': 'cross-site' } }),
          403,
          'csrf_rejected',
        ],
      ]
      for (const [answer, status, code] of refused)
        expect([answer.status, answer.headers['content-type'], codeInPage(answer)]).toStrictEqual([
          status,
          'text/html; charset=utf-8',
          code,
        ])
    }
    database.down = true
    for (const headers of [NAVIGATION, ...Object.values(THROUGH_WORKER)])
      for (const [method, target] of [
        ['GET', '/session/refresh?to=/me'],
        ['POST', '/login?user=berta'],
      ] as const) {
        const sent = { ...headers, 'sec-fetch-site': 'same-origin' }
        const answer = await anna.send(method, target, { headers: sent })
        expect([answer.status, codeInPage(answer)]).toStrictEqual([503, 'unavailable'])
      }
  })

  scenario('inline refresh', 'renews an expired access token within the request', async () => {
    const { anna, clock } = await openSignedIn({ refresh: 'inline' })
    clock.advance(900)
    const renewed = await anna.send('POST', '/notes')
    expect([renewed.status, renewed.cookies.length, renewed.headers['cache-control']]).toStrictEqual([
      200,
      2,
      'private, no-store',
    ])
    expect(await me(anna)).toMatchObject({ status: 200, body: { generation: 1 }, cookies: [] })
  })

  scenario(
    'recent authentication',
    'answers 403 if the authentication is older than `maxAuthAge`',
    async () => {
      const { anna, clock } = await openSignedIn()
      expect((await anna.send('POST', '/pay')).status).toBe(200)
      clock.advance(61)
      expect(await anna.send('POST', '/pay')).toMatchObject({
        status: 403,
        body: { code: 'recent_auth_required', refresh: false },
      })
    },
  )

  scenario('CSRF token', 'requires it for a GET with `csrf: true`', async () => {
    const { anna } = await openSignedIn()
    const refused = { status: 403, body: { code: 'csrf_rejected', refresh: false } }
    expect(await anna.send('GET', '/report')).toMatchObject(refused)
    const { token } = (await anna.send('GET', '/token')).body as { token: string }
    expect(await anna.send('GET', '/report', { headers: { 'pawl-csrf': token } })).toMatchObject({
      status: 200,
      body: { userId: 'anna' },
    })
    expect(await anna.send('GET', '/report', { headers: { 'pawl-csrf': 'x' } })).toMatchObject(refused)
  })

  scenario('logout in a handler', 'revokes the session and clears the cookies', async () => {
    const { anna } = await openSignedIn()
    expect(await anna.send('POST', '/bye')).toMatchObject({
      status: 200,
      body: { ended: true },
      cookies: CLEARED,
    })
    expect(anna.jar.names).toStrictEqual([])
  })

  scenario('errors', 'passes errors of the application to it, and sends no stack to the client', async () => {
    const { anna, client, application } = await openSignedIn()
    expect((await anna.send('GET', '/crash')).status).toBe(500)
    expect(application.errors).toStrictEqual([new Error('a detail of the application')])
    const texts = [
      (await anna.send('GET', '/crash')).text,
      (await client().send('GET', '/forgotten')).text,
      (await client().send('GET', '/me')).text,
    ]
    for (const text of texts) expect(text).not.toMatch(/\bat .*:\d+|\.ts|node_modules|a detail/)
    // A wrong argument is a programming mistake, so the client gets 500.
    expect((await client().send('POST', '/login?user=')).status).toBe(500)
    expect(application.errors.at(-1)).toBeInstanceOf(TypeError)
  })

  scenario('methods', 'answers 405 to a wrong method on a route of Pawl', async () => {
    const { client } = await open()
    const { status, headers, text } = await client().send('GET', '/session/logout')
    expect([status, headers['allow'], text]).toStrictEqual([405, 'POST', ''])
    expect([headers['cache-control'], headers['x-content-type-options']]).toStrictEqual([
      'no-store',
      'nosniff',
    ])
    expect((await client().send('OPTIONS', '/session/refresh')).status).toBe(404)
    expect((await client().send('POST', '/session/other')).status).toBe(404)
  })

  scenario('public keys', 'serves the public keys of an asymmetric algorithm', async () => {
    const { client } = await open({}, { keys: { algorithm: 'EdDSA' } })
    const { status, headers, body } = await client().send('GET', '/.well-known/jwks.json')
    expect([status, headers['content-type']]).toStrictEqual([200, 'application/jwk-set+json'])
    expect((body as { keys: unknown[] }).keys).toHaveLength(1)
  })

  scenario('address and user agent', 'records the address and user agent of a login', async () => {
    const { client, sessions } = await open()
    await client().send('POST', '/login?user=anna', { headers: { 'user-agent': 'Firefox' } })
    expect((await sessions.list('anna'))[0]).toMatchObject({ ip: '127.0.0.1', userAgent: 'Firefox' })
  })

  scenario('bearer beside cookies', 'uses the Authorization header and ignores the cookies', async () => {
    const { anna, sessions } = await openSignedIn()
    const { accessToken } = await sessions.create({ userId: 'berta' })
    const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
    expect(await anna.send('GET', '/me', bearer(accessToken.value))).toMatchObject({
      status: 200,
      body: { userId: 'berta' },
    })
    expect(await anna.send('GET', '/me', bearer('garbage'))).toMatchObject(INVALID)
  })

  scenario('duplicate access cookies', 'uses the genuine cookie at any position', async () => {
    const { anna, client } = await openSignedIn()
    const foreign = await openSessions({ secret: FOREIGN_SECRET })
    const planted = (await foreign.create({ userId: 'mallory' })).accessToken.value
    const genuine = anna.jar.get(ACCESS)!
    for (const values of [
      [planted, genuine],
      [genuine, planted],
      ['', 'garbage', genuine],
    ]) {
      const cookie = values.map((value) => `${ACCESS}=${value}`).join('; ')
      expect(await client().send('GET', '/me', { headers: { cookie } })).toMatchObject({
        status: 200,
        body: { userId: 'anna' },
        cookies: [],
      })
    }
    const cookie = `${ACCESS}=${planted}; ${ACCESS}=garbage`
    expect(await client().send('GET', '/me', { headers: { cookie } })).toMatchObject(INVALID)
  })

  scenario('duplicate refresh cookies', 'uses the genuine cookie and clears the others', async () => {
    const { anna, clock } = await openSignedIn()
    anna.jar.put(REFRESH, 'garbage', '/session', 'example.com')
    anna.jar.put(REFRESH, `pawl_r1_${'A'.repeat(123)}`, '/session/refresh')
    clock.advance(900)
    const { status, cookies } = await refresh(anna)
    expect(status).toBe(200)
    expect(cookies).toStrictEqual([
      `${REFRESH}=; Path=/; ${GONE}`,
      `${REFRESH}=; Path=/; ${GONE}; Domain=app.example.com`,
      `${REFRESH}=; Path=/; ${GONE}; Domain=example.com`,
      `${REFRESH}=; Path=/session; ${GONE}; Domain=app.example.com`,
      `${REFRESH}=; Path=/session; ${GONE}; Domain=example.com`,
      `${ACCESS}=<access>; Path=/; ${MONTH.replace('12:00', '12:15')}`,
      `${REFRESH}=<refresh>; Path=/session; ${MONTH.replace('12:00', '12:15')}`,
    ])
    expect(await me(anna)).toMatchObject({ status: 200, body: { userId: 'anna', generation: 1 } })
  })

  scenario('new login', 'revokes the previous session of the browser', async () => {
    const { anna, application, sessions } = await openSignedIn()
    const otherTab = createClient(application.port, anna.jar.copy())
    expect((await anna.send('POST', '/login?user=berta')).status).toBe(200)
    expect(await me(anna)).toMatchObject({ status: 200, body: { userId: 'berta' } })
    expect(await me(otherTab)).toMatchObject({
      status: 401,
      body: { code: 'session_replaced', refresh: 'once' },
      cookies: [],
    })
    expect((await sessions.list('anna'))[0]).toMatchObject({ active: false, endReason: 'replaced' })
  })

  scenario(
    'caching',
    'is forbidden in responses that set a cookie and in refusals, and only there',
    async () => {
      const { anna, login, client, clock } = await openSignedIn({ refresh: 'inline' })
      const head = ({ headers, cookies }: Received) => [
        cookies.length > 0,
        headers['cache-control'],
        headers.vary,
      ]
      const forbidden = [true, 'private, no-store', 'Cookie']
      expect(head(login)).toStrictEqual(forbidden)
      expect(head(await refresh(anna))).toStrictEqual(forbidden)
      expect(head(await me(anna))).toStrictEqual([false, undefined, undefined])
      clock.advance(900)
      expect(head(await me(anna))).toStrictEqual(forbidden)
      // A 401 depends on the cookies too.
      expect(head(await me(client()))).toStrictEqual([false, 'private, no-store', 'Cookie'])
      expect(head(await anna.send('POST', '/bye'))).toStrictEqual(forbidden)
      await anna.send('POST', '/login?user=anna')
      expect(head(await anna.send('POST', '/session/logout'))).toStrictEqual(forbidden)
      anna.jar.put(REFRESH, 'garbage')
      expect(head(await refresh(anna))).toStrictEqual(forbidden)
    },
  )

  scenario(
    'caching headers of the application',
    'are kept unless the response sets a session cookie',
    async () => {
      const { client, clock } = await open({ refresh: 'inline' })
      const anna = client()
      const head = ({ headers }: Received) => [headers['cache-control'], headers.vary, forCdns(headers)]
      const shared = ['public, max-age=60', 'Accept-Language', expect.arrayContaining(Object.keys(FOR_CDNS))]
      const own = ['private, no-store', 'Accept-Language, Cookie', []]
      expect(head(await anna.send('POST', '/public-login?user=anna'))).toStrictEqual(own)
      expect(head(await anna.send('GET', '/public'))).toStrictEqual(shared)
      clock.advance(900)
      expect(head(await anna.send('GET', '/public'))).toStrictEqual(own)
    },
  )

  scenario(
    'optional session',
    'asks for a refresh of an expired access token, and admits visitors',
    async () => {
      const { anna, application, client, clock, sessions } = await openSignedIn()
      const hello = (headers: Record<string, string> = {}): Promise<Received> =>
        anna.send('GET', '/hello', { headers })
      expect(await hello()).toMatchObject({ status: 200, body: { userId: 'anna' } })
      clock.advance(900)
      expect(await hello()).toMatchObject(EXPIRED)
      const redirected = await hello(NAVIGATION)
      expect([redirected.status, redirected.headers.location]).toStrictEqual([
        303,
        '/session/refresh?to=%2Fhello',
      ])
      // A browser that stores no cookies returns with the old ones, and still gets the page.
      const cookieless = createClient(application.port, anna.jar.copy())
      const back = await anna.send('GET', redirected.headers.location!, { headers: NAVIGATION })
      expect(await cookieless.send('GET', back.headers.location!, { headers: NAVIGATION })).toMatchObject({
        status: 200,
        body: { userId: null },
        cookies: [],
      })
      expect(await hello()).toMatchObject({ status: 200, body: { userId: 'anna' } })

      const cookie = `${ACCESS}=garbage`
      expect(await client().send('GET', '/hello', { headers: { cookie } })).toMatchObject(INVALID)
      await sessions.revokeUser('anna')
      expect(await hello()).toMatchObject({ status: 200, body: { userId: null }, cookies: [] })
    },
  )

  scenario('HEAD', 'gets the response of GET without a body, and rotates no refresh token', async () => {
    const { anna, client, clock, sessions } = await openSignedIn()
    const head = async (of: Client, path: string): Promise<unknown> => {
      const { status, text, cookies } = await of.send('HEAD', path, { headers: NAVIGATION })
      return [status, text, cookies]
    }
    expect(await head(client(), '/me')).toStrictEqual([401, '', []])
    expect(await head(anna, '/me')).toStrictEqual([200, '', []])
    clock.advance(900)
    expect(await head(anna, '/me')).toStrictEqual([401, '', []])
    expect(await head(anna, '/session/refresh?to=/me')).toStrictEqual([405, '', []])
    expect(await head(anna, '/session/logout')).toStrictEqual([405, '', []])
    expect((await sessions.list('anna'))[0]).toMatchObject({ active: true, generation: 0 })
  })

  scenario('after the response', 'neither creates nor revokes a session', async () => {
    const { anna, sessions } = await openSignedIn()
    const key = randomUUID()
    expect((await anna.send('POST', `/keep?key=${key}`)).status).toBe(200)
    const session = KEPT.get(key)!
    await expect(session.create({ userId: 'late' })).rejects.toThrow(TypeError)
    await expect(session.revoke()).rejects.toThrow(TypeError)
    expect(await sessions.list('late')).toStrictEqual([])
    expect(await me(anna)).toMatchObject({ status: 200, body: { userId: 'anna' } })
  })

  scenario('reverse proxy', 'records the forwarded client address only if the proxy is trusted', async () => {
    const forwarded = { headers: { 'x-forwarded-for': '192.0.2.7' } }
    for (const [trustProxy, ip] of [
      [true, '192.0.2.7'],
      [false, '127.0.0.1'],
    ] as const) {
      const { client, sessions } = await open({}, {}, { trustProxy })
      const anna = client()
      await anna.send('POST', '/login?user=anna', forwarded)
      expect((await sessions.list('anna'))[0]).toMatchObject({ ip })
    }
  })

  scenario('plain localhost', 'gets cookies without `Secure`, except behind a reverse proxy', async () => {
    const namesFrom = async (trustProxy: boolean, headers: Record<string, string> = {}): Promise<unknown> => {
      const { client } = await open({}, {}, { trustProxy })
      const sent = { headers: { host: 'localhost:3000', ...headers } }
      const anna = client()
      const { cookies } = await anna.send('POST', '/login?user=anna', sent)
      expect((await anna.send('GET', '/me', sent)).status).toBe(200)
      return cookies.map((cookie) => cookie.split('=')[0])
    }
    for (const trustProxy of [true, false]) {
      expect(await namesFrom(trustProxy)).toStrictEqual(['pawl-access', 'pawl-refresh'])
      for (const forwarded of [{ 'x-forwarded-proto': 'https' }, { 'x-forwarded-for': '192.0.2.7' }])
        expect(await namesFrom(trustProxy, forwarded)).toStrictEqual([ACCESS, REFRESH])
    }
  })
})

const UNAVAILABLE = { status: 503, body: { code: 'unavailable' }, cookies: [] }
const START_FAILED = { name: 'PawlWarning', code: 'PAWL_START_FAILED' }

describeAdapters('sessions that are not made yet', (adapter) => {
  it('calls a function once, when the first requests need the sessions', async () => {
    const make = vi.fn(() => openSessions())
    const { port } = await adapter.listen(make)
    expect(make).not.toHaveBeenCalled()
    const anna = createClient(port)
    const [login] = await Promise.all([
      anna.send('POST', '/login?user=anna'),
      createClient(port).send('GET', '/hello'),
    ])
    expect(login.status).toBe(200)
    expect(await anna.send('GET', '/me')).toMatchObject({ status: 200, body: { userId: 'anna' } })
    expect(make).toHaveBeenCalledTimes(1)
  })

  it('answers 503 while the function fails, and calls it again after a pause', async () => {
    const warnings = collectWarnings()
    const elapsed = vi.spyOn(performance, 'now').mockReturnValue(0)
    const make = vi
      .fn(() => openSessions())
      .mockImplementationOnce(() => {
        throw new Error('PAWL_SECRET is missing')
      })
      .mockRejectedValueOnce(new StoreUnavailableError('the database is down'))
    const { port, errors } = await adapter.listen(make)
    const hello = (): Promise<Received> => createClient(port).send('GET', '/hello')
    const [first, second, third] = [await hello(), await hello(), await hello()]
    expect([first, second, third]).toMatchObject([UNAVAILABLE, UNAVAILABLE, UNAVAILABLE])
    expect([first, second].map(({ headers }) => headers['retry-after'])).toStrictEqual(['5', '5'])
    expect(first.headers['cache-control']).toBe('private, no-store')
    expect(make).toHaveBeenCalledTimes(2)
    expect(warnings).toMatchObject([
      { ...START_FAILED, message: expect.stringContaining('PAWL_SECRET is missing') },
      { ...START_FAILED, message: expect.stringContaining('the database is down') },
    ])
    elapsed.mockReturnValue(1000)
    expect((await hello()).status).toBe(200)
    expect([errors, make.mock.calls.length]).toStrictEqual([[], 3])
  })

  it('waits for a promise of sessions', async () => {
    let resolve = (_sessions: Sessions): void => {}
    const { port } = await adapter.listen(new Promise<Sessions>((done) => (resolve = done)))
    const hello = createClient(port).send('GET', '/hello')
    resolve(await openSessions())
    expect((await hello).status).toBe(200)
  })

  it('answers 503 and reports the reason at each request if the promise rejects', async () => {
    const warnings = collectWarnings()
    const { port } = await adapter.listen(Promise.reject(new Error('PAWL_SECRET is missing')))
    await expect.poll(() => warnings).toHaveLength(1)
    for (const reported of [2, 3]) {
      expect(await createClient(port).send('GET', '/hello')).toMatchObject(UNAVAILABLE)
      expect(warnings).toHaveLength(reported)
    }
    expect(warnings[2]).toMatchObject({
      ...START_FAILED,
      message: expect.stringContaining('PAWL_SECRET is missing'),
    })
  })
})
