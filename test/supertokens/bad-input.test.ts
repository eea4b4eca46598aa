import { describe, expect, it } from 'vitest'
import { fetchSessions } from '../../src/adapters/fetch/index.ts'
import { memory } from '../../src/memory/index.ts'
import { supertokens } from '../../src/supertokens/index.ts'
import { coded } from '../support/errors.ts'
import { fragile } from '../support/http-outage.ts'
import type { Handler, VisitOptions } from '../support/http-site.ts'
import { collectWarnings } from '../support/process-warnings.ts'
import { FOREIGN_SECRET } from '../support/secrets.ts'
import { counting } from '../support/stores.ts'
import { type Mode, openSdkSite } from './support/sdk.ts'

const MODES: readonly Mode[] = ['cookie', 'header']
const GONE = 'Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax'
const CLEARED = [`sAccessToken=; Path=/; ${GONE}`, `sRefreshToken=; Path=/auth/session/refresh; ${GONE}`]
const TRY_REFRESH = { status: 401, body: { message: 'try refresh token' }, cookies: [] }
const UNAUTHORISED = { status: 401, body: { message: 'unauthorised' } }
/** Access tokens as SuperTokens and other issuers make them. */
const jwt = (header: object, payload: object): string =>
  [header, payload, 'x'].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
const SUPERTOKENS_JWT = jwt(
  { kid: 'd-1', typ: 'JWT', version: '5', alg: 'RS256' },
  { sub: 'u', sessionHandle: 'h', refreshTokenHash1: 'r', exp: 1, iat: 1, tId: 'public' },
)
const FOREIGN_AT_JWT = jwt(
  { alg: 'ES256', typ: 'at+jwt', kid: 'k' },
  { sub: 'u', iss: 'https://idp', exp: 1 },
)
const SUPERTOKENS_REFRESH = 'YWJj/ZGVm+Z2hp=.0123456789abcdef.V2'

/** Sites that count the calls of their store. */
async function openCounting(...[http, options]: Parameters<typeof openSdkSite>) {
  const { store, calls } = counting(memory())
  const site = await openSdkSite(http, { ...options, store })
  const anna = site.sdk('cookie')
  await anna.login()
  await site.sessions.flush()
  calls.length = 0
  return { ...site, anna, calls }
}

describe('an anonymous client', () => {
  it.each(MODES)('in %s mode gets a 401 that clears nothing, and no call of the store', async (mode) => {
    const { sdk, calls } = await openCounting()
    const refused = await sdk(mode).me()
    expect(refused).toMatchObject({ ...UNAUTHORISED, cookies: [] })
    expect(refused.headers.has('front-token')).toBe(false)
    const refresh = await sdk(mode).refresh()
    expect(refresh).toMatchObject({ ...UNAUTHORISED, cookies: [] })
    expect(refresh.headers.get('front-token')).toBe('remove')
    expect(refresh.headers.get('access-control-expose-headers')).toBe('front-token')
    const signOut = await sdk(mode).signOut()
    expect(signOut).toMatchObject({ ...UNAUTHORISED, cookies: [] })
    expect(signOut.headers.has('front-token')).toBe(false)
    expect(calls).toStrictEqual([])
  })

  it('that has an access cookie alone loses it by the refresh', async () => {
    const { anna, calls } = await openCounting()
    anna.jar.delete('sRefreshToken')
    const refresh = await anna.refresh()
    expect(refresh).toMatchObject({ ...UNAUTHORISED, cookies: CLEARED })
    expect(refresh.headers.get('front-token')).toBe('remove')
    expect(calls).toStrictEqual([])
  })
})

describe('forged and foreign refresh tokens', () => {
  const forged = `pawl_r1_${'A'.repeat(123)}`

  it.each([
    ['garbage', 'x'],
    ['of SuperTokens', SUPERTOKENS_REFRESH],
    ['too long', `pawl_r1_${'A'.repeat(4000)}`],
  ])('%s: the cookie is cleared without a call of the store', async (_what, token) => {
    const { sdk, calls } = await openCounting()
    const mallory = sdk('cookie')
    mallory.jar.put('sRefreshToken', token, '/auth/session/refresh')
    const answer = await mallory.refresh()
    expect(answer).toMatchObject({ ...UNAUTHORISED, cookies: CLEARED })
    expect(answer.headers.get('front-token')).toBe('remove')
    expect(calls).toStrictEqual([])
  })

  it.each([
    ['garbage', 'x y'],
    ['of SuperTokens', SUPERTOKENS_REFRESH],
    ['an access token', SUPERTOKENS_JWT],
    ['too long', `pawl_r1_${'A'.repeat(4000)}`],
  ])('%s in the header is no token: the cookie counts', async (_what, token) => {
    const { anna, calls } = await openCounting()
    const headers = { authorization: `Bearer ${token}` }
    expect(await anna.refresh({ headers })).toMatchObject({ status: 200, text: '{}' })
    calls.length = 0
    const stranger = (await openCounting()).sdk('header')
    expect(await stranger.refresh({ headers })).toMatchObject(UNAUTHORISED)
    expect(calls).toStrictEqual([])
  })

  it('of this form are refused without a call of the store', async () => {
    const { sdk, calls } = await openCounting()
    const sent = { headers: { authorization: `Bearer ${forged}` } }
    const answer = await sdk('header').refresh(sent)
    // The first two bytes name a secret that this process does not have.
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' }, cookies: [] })
    expect(answer.headers.has('front-token')).toBe(false)
    expect(calls).toStrictEqual([])
  })

  it('of this installation, with a wrong MAC, are refused without a call of the store', async () => {
    const { sdk, calls, anna } = await openCounting()
    const token = anna.jar.get('sRefreshToken')!
    const wrong = token.slice(0, -4) + (token.endsWith('AAAA') ? 'BBBB' : 'AAAA')
    const answer = await sdk('header').refresh({ headers: { authorization: `Bearer ${wrong}` } })
    expect(answer).toMatchObject(UNAUTHORISED)
    expect(answer.headers.get('front-token')).toBe('remove')
    expect(calls).toStrictEqual([])
  })

  it('of another secret keep the state of the client: 503', async () => {
    const { sdk } = await openSdkSite({}, { secret: FOREIGN_SECRET })
    const anna = sdk('header')
    await anna.login()
    const { sdk: here, calls } = await openCounting()
    const sent = { headers: { authorization: `Bearer ${anna.stored.refresh}` } }
    const answer = await here('header').refresh(sent)
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect([answer.headers.get('retry-after'), answer.headers.has('front-token')]).toStrictEqual([
      '30',
      false,
    ])
    expect(calls).toStrictEqual([])
  })
})

describe('bearer tokens of others', () => {
  it.each([
    ['an opaque token', 'abc'],
    ['an access token of SuperTokens', SUPERTOKENS_JWT],
    ['an access token by RFC 9068', FOREIGN_AT_JWT],
    ['nothing that parses', '..'],
    ['16 kB of letters', 'a'.repeat(16_000)],
  ])('%s beside the cookies: the cookies count', async (_what, token) => {
    const { anna } = await openCounting()
    const headers = { authorization: `Bearer ${token}` }
    expect(await anna.me({ headers })).toMatchObject({ status: 200, body: { userId: 'anna' } })
    expect(await anna.refresh({ headers })).toMatchObject({ status: 200, text: '{}' })
  })

  it.each(['', 'Bearer', 'Bearer ', 'Basic YTpi', 'Bearer a b', 'Bearer "a"', 'bearer\tx'])(
    'the header %j alone is no token',
    async (authorization) => {
      const { sdk } = await openCounting()
      expect(await sdk('header').me({ headers: { authorization } })).toMatchObject(UNAUTHORISED)
      expect(await sdk('header').refresh({ headers: { authorization } })).toMatchObject(UNAUTHORISED)
    },
  )
})

describe('both transports at once', () => {
  async function open() {
    const site = await openSdkSite()
    const [web, app] = [site.sdk('cookie'), site.sdk('header')]
    const login = (userId: string): VisitOptions => ({
      handler: async (session) => Response.json(await session.create({ userId })),
    })
    await web.login(login('web'))
    await app.login(login('app'))
    for (const name of web.jar.names)
      app.jar.put(name, web.jar.get(name)!, name === 'sAccessToken' ? '/' : '/auth/session/refresh')
    return { ...site, both: app }
  }
  const active = async ({ list }: { list(userId: string): Promise<{ active: boolean }[]> }, user: string) =>
    (await list(user)).filter(({ active }) => active).length

  it('the header counts', async () => {
    const { both } = await open()
    expect(await both.me()).toMatchObject({ status: 200, body: { userId: 'app' } })
  })

  it('an expired token in the header is refreshed, though the cookie is valid', async () => {
    const { both, clock, sdk } = await open()
    clock.advance(3600)
    const web = sdk('cookie')
    await web.login()
    both.jar.put('sAccessToken', web.jar.get('sAccessToken')!)
    expect(await both.me()).toMatchObject(TRY_REFRESH)
  })

  it('the refresh answers in headers, and clears the cookies', async () => {
    const { both } = await open()
    const answer = await both.refresh()
    expect(answer).toMatchObject({ status: 200, cookies: CLEARED })
    expect(answer.headers.has('st-refresh-token')).toBe(true)
    expect(answer.headers.get('front-token')).not.toBe('remove')
    expect(await both.me()).toMatchObject({ status: 200, body: { userId: 'app' } })
  })

  it.each(MODES)('a login in %s mode ends both sessions', async (mode) => {
    const { both, sessions } = await open()
    expect((await both.login({ headers: { 'st-auth-mode': mode } })).status).toBe(200)
    expect([await active(sessions, 'app'), await active(sessions, 'web')]).toStrictEqual([0, 0])
    expect([both.jar.names.length, both.stored.access !== '']).toStrictEqual(
      mode === 'cookie' ? [2, false] : [0, true],
    )
  })

  it('the sign-out ends both sessions', async () => {
    const { both, sessions } = await open()
    expect(await both.signOut()).toMatchObject({ status: 200, cookies: CLEARED })
    expect([await active(sessions, 'app'), await active(sessions, 'web')]).toStrictEqual([0, 0])
  })
})

describe('cookies of an old backend', () => {
  it.each<[string, Record<string, string>]>([
    ['sIdRefreshToken alone', { sIdRefreshToken: 'x' }],
    ['with an access token', { sIdRefreshToken: 'x', sAccessToken: SUPERTOKENS_JWT }],
    ['an access token of today', { sAccessToken: SUPERTOKENS_JWT }],
    ['an access token of old', { sAccessToken: 'ab+/c=.def.ghi' }],
  ])('%s: the client refreshes, and the refresh clears them', async (_what, cookies) => {
    const { sdk, calls } = await openCounting()
    const anna = sdk('cookie')
    for (const [name, value] of Object.entries(cookies)) anna.jar.put(name, value)
    anna.jar.put('sRefreshToken', SUPERTOKENS_REFRESH, '/auth/session/refresh')
    expect(await anna.me()).toMatchObject(TRY_REFRESH)
    expect(await anna.me({ info: { optional: true } })).toMatchObject(TRY_REFRESH)
    expect(await anna.signOut()).toMatchObject(
      TRY_REFRESH.status === 401 ? { cookies: expect.anything() } : {},
    )
    const refresh = await anna.refresh()
    expect(refresh).toMatchObject(UNAUTHORISED)
    expect(anna.jar.names).toStrictEqual([])
    expect(calls).toStrictEqual([])
    expect(await anna.me()).toMatchObject(UNAUTHORISED)
  })

  it('that cannot be cleared does not keep a session of Pawl from working', async () => {
    const { sdk, clock } = await openSdkSite()
    for (const mode of MODES) {
      const anna = sdk(mode)
      anna.jar.put('sIdRefreshToken', 'x', '/', 'elsewhere.example.com')
      const login = await anna.login()
      expect(login.cookies.filter((cookie) => cookie.startsWith('sIdRefreshToken=;'))).toStrictEqual([
        `sIdRefreshToken=; Path=/; ${GONE}`,
        `sIdRefreshToken=; Path=/; ${GONE}; Domain=app.example.com`,
        `sIdRefreshToken=; Path=/; ${GONE}; Domain=example.com`,
      ])
      expect((await anna.me()).status).toBe(200)
      clock.advance(3600)
      expect(await anna.me()).toMatchObject(TRY_REFRESH)
      expect((await anna.refresh()).status).toBe(200)
      expect((await anna.me()).status).toBe(200)
    }
  })
})

describe('doubled cookies', () => {
  it('the genuine access token counts, whatever its place', async () => {
    const { anna, sdk } = await openCounting()
    const token = anna.jar.get('sAccessToken')!
    for (const cookie of [`sAccessToken=x; sAccessToken=${token}`, `sAccessToken=${token}; sAccessToken=y`]) {
      const { status, body } = await sdk('cookie').me({ headers: { cookie } })
      expect([status, body]).toMatchObject([200, { userId: 'anna' }])
    }
  })

  /** The cookies of mallory, planted by a sibling subdomain before anna signs in: they come first in each request. */
  async function openPlanted() {
    const site = await openCounting()
    const [mallory, anna] = [site.sdk('cookie'), site.sdk('cookie')]
    await mallory.login({ handler: loginOf('mallory') })
    for (let turn = 0; turn < 3; turn++) {
      site.clock.advance(3600)
      await mallory.refresh()
    }
    anna.jar.put('sAccessToken', mallory.jar.get('sAccessToken')!, '/', 'example.com')
    const refreshToken = mallory.jar.get('sRefreshToken')!
    anna.jar.put('sRefreshToken', refreshToken, '/auth/session/refresh', 'example.com')
    await anna.login({ handler: loginOf('anna') })
    site.calls.length = 0
    return { ...site, mallory, anna, refreshToken }
  }
  const loginOf =
    (userId: string): Handler =>
    async (session) =>
      Response.json(await session.create({ userId }))

  it('a refresh token of a session that has ended does not hide the other', async () => {
    const { anna, clock } = await openPlanted()
    for (let turn = 0; turn < 3; turn++) {
      clock.advance(3600)
      expect(await anna.refresh()).toMatchObject({ status: 200, text: '{}' })
      expect(await anna.me()).toMatchObject({ status: 200, body: { userId: 'anna' } })
    }
  })

  it('of sessions that have all ended are cleared', async () => {
    const { anna, sessions, clock } = await openPlanted()
    clock.advance(3600)
    await sessions.revokeUser('anna')
    const refresh = await anna.refresh()
    expect(refresh).toMatchObject(UNAUTHORISED)
    expect(refresh.headers.get('front-token')).toBe('remove')
    expect(refresh.cookies).toEqual(expect.arrayContaining(CLEARED))
  })

  it('a stolen refresh token ends its session, whatever is beside it', async () => {
    const { sdk, clock, sessions } = await openCounting()
    const [owner, thief] = [sdk('cookie'), sdk('cookie')]
    await owner.login({ handler: loginOf('owner') })
    await owner.refresh()
    await owner.me()
    const stolen = owner.copy()
    for (let turn = 0; turn < 2; turn++) {
      clock.advance(3600)
      await owner.refresh()
      await owner.me()
    }
    await sessions.flush()
    await thief.login({ handler: loginOf('thief') })
    thief.jar.put('sAccessToken', stolen.jar.get('sAccessToken')!, '/', 'example.com')
    thief.jar.put('sRefreshToken', stolen.jar.get('sRefreshToken')!, '/auth/session/refresh', 'example.com')
    clock.advance(3600)
    expect(await thief.refresh()).toMatchObject({ status: 401, body: { message: 'token theft detected' } })
    const [row] = await sessions.list('owner')
    expect(row).toMatchObject({ active: false, endReason: 'reuse' })
  })

  it('of many sessions that have ended cost a few calls of the store', async () => {
    const { sdk, calls, sessions } = await openCounting()
    const pairs: string[] = []
    for (let count = 0; count < 8; count++) {
      const one = sdk('cookie')
      await one.login({ handler: loginOf('many') })
      for (const name of one.jar.names) pairs.push(`${name}=${one.jar.get(name)}`)
    }
    await sessions.revokeUser('many')
    await sessions.flush()
    calls.length = 0
    const answer = await sdk('cookie').refresh({ headers: { cookie: pairs.join('; ') } })
    expect(answer).toMatchObject(UNAUTHORISED)
    expect(calls.length).toBeLessThanOrEqual(3)
  })

  it('a refresh clears strays on other paths and domains, and sets the cookie again', async () => {
    const { anna } = await openCounting()
    anna.jar.put('sRefreshToken', 'stray', '/auth', 'example.com')
    const answer = await anna.refresh()
    expect(answer.status).toBe(200)
    expect(answer.headers.get('front-token')).not.toBe('remove')
    expect(answer.cookies).toContain(`sRefreshToken=; Path=/auth; ${GONE}; Domain=example.com`)
    expect(anna.jar.names).toStrictEqual(['sAccessToken', 'sRefreshToken'])
    expect((await anna.refresh()).status).toBe(200)
  })
})

describe('requests that no client SDK makes', () => {
  it.each([
    ['GET', '/auth/session/refresh'],
    ['PUT', '/auth/signout'],
    ['POST', '/auth/jwt/jwks.json'],
    ['POST', '/auth/session/refresh/more'],
    ['POST', '/auth/constructor'],
    ['POST', '/AUTH/signout'],
    ['GET', '/auth/signout'],
  ])('%s %s goes to the application', async (method, target) => {
    const { sdk } = await openCounting()
    const handler: Handler = () => new Response('of the application', { status: 418 })
    const answer = await sdk('cookie').send(method, target, { handler })
    expect([answer.status, answer.text]).toStrictEqual([418, 'of the application'])
  })

  it('a slash at the end changes nothing', async () => {
    const { anna } = await openCounting()
    expect(await anna.send('POST', '/auth/signout/')).toMatchObject({ status: 200, body: { status: 'OK' } })
  })
})

it.each(['/', '/api/auth', '/v1.0/a_b-c~d'])('the base path %j', async (base) => {
  const { sdk } = await openSdkSite(base === '/' ? { path: '/pawl' } : {}, {}, base)
  const anna = sdk('cookie')
  const login = await anna.login()
  const path = `${base === '/' ? '' : base}/session/refresh`
  expect(login.cookies[1]).toContain(`Path=${path};`)
  expect(await anna.send('POST', path)).toMatchObject({ status: 200, text: '{}' })
})

describe('wrong options', () => {
  it.each([null, true, '', 'supertokens', supertokens, {}, { open() {} }])(
    'refuses %j as a protocol',
    (protocol) => {
      expect(() => fetchSessions(() => Promise.reject(), { protocol } as object)).toThrow(
        coded('ERR_INVALID_OPTIONS', { option: 'protocol' }) as Error,
      )
    },
  )

  it.each(['', 'auth', '/auth/', '/a b', '/../auth', null, 1, `/${'a'.repeat(255)}`])(
    'refuses the base path %j',
    (apiBasePath) => {
      expect(() => supertokens({ apiBasePath } as object)).toThrow(
        coded('ERR_INVALID_OPTIONS', { option: 'apiBasePath' }) as Error,
      )
    },
  )

  it.each(['cookie', '', true, null])('refuses %j as a way of the tokens', (tokenTransferMethod) => {
    expect(() => supertokens({ tokenTransferMethod } as object)).toThrow(
      coded('ERR_INVALID_OPTIONS', { option: 'tokenTransferMethod' }) as Error,
    )
  })

  it('refuses unknown options, and routes at the paths of its own', async () => {
    expect(() => supertokens({ basePath: '/auth' } as object)).toThrow(
      coded('ERR_INVALID_OPTIONS', { option: 'basePath' }) as Error,
    )
    for (const [path, base] of [
      ['/session', '/'],
      ['/auth/session', '/auth'],
    ] as const)
      await expect(openSdkSite({ path }, {}, base)).rejects.toMatchObject({
        code: 'ERR_INVALID_OPTIONS',
        option: 'path',
      })
  })
})

it('keeps the sessions of an outage', async () => {
  const outage = fragile(memory())
  const { sdk } = await openSdkSite({}, { store: outage.store })
  const anna = sdk('cookie')
  await anna.login()
  outage.down = true
  const refresh = await anna.refresh()
  expect(refresh).toMatchObject({ status: 503, body: { code: 'unavailable' }, cookies: [] })
  expect([refresh.headers.get('retry-after'), refresh.headers.has('front-token')]).toStrictEqual(['5', false])
  expect(await anna.signOut()).toMatchObject({ status: 503, cookies: [] })
  outage.down = false
  expect((await anna.refresh()).status).toBe(200)
})

it('answers 503 while the sessions cannot be made', async () => {
  const warnings = collectWarnings()
  const withSession = fetchSessions(() => Promise.reject(new Error('no database')), {
    protocol: supertokens(),
  })
  const request = new Request('https://app.example.com/auth/session/refresh', {
    method: 'POST',
    headers: { rid: 'session', accept: 'text/html' },
  })
  const answer = await withSession(request, () => new Response())
  expect([answer.status, await answer.json()]).toStrictEqual([503, { code: 'unavailable' }])
  expect(answer.headers.has('front-token')).toBe(false)
  expect(warnings).toHaveLength(1)
})
