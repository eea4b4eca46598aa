import { describe, expect, it } from 'vitest'
import type { Sessions } from '../../src/index.ts'
import type { Answer, Handler } from '../support/http-site.ts'
import { decodeJwt } from '../support/jwt.ts'
import { schema } from '../support/schema.ts'
import { FOREIGN_SECRET } from '../support/secrets.ts'
import { type Mode, openSdkSite, parseFrontToken, type Sdk } from './support/sdk.ts'

const MODES: readonly Mode[] = ['cookie', 'header']
const HOUR = 3600
const ATTRIBUTES = 'HttpOnly; Secure; SameSite=Lax'
const YEAR = `Expires=Wed, 01 Jan 2031 12:00:00 GMT; Max-Age=31536000; ${ATTRIBUTES}`
const MONTH = `Expires=Thu, 31 Jan 2030 12:00:00 GMT; Max-Age=2592000; ${ATTRIBUTES}`
const GONE = `Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; ${ATTRIBUTES}`
const CLEARED = [`sAccessToken=; Path=/; ${GONE}`, `sRefreshToken=; Path=/auth/session/refresh; ${GONE}`]
const TRY_REFRESH = { status: 401, body: { message: 'try refresh token' }, cookies: [] }
const UNAUTHORISED = { status: 401, body: { message: 'unauthorised' } }

const exposed = (headers: Headers): string[] =>
  (headers.get('access-control-expose-headers') ?? '').split(', ').filter((name) => name !== '')
/** The headers of the protocol in an answer, tokens replaced. */
const shape = (headers: Headers): Record<string, string> =>
  Object.fromEntries(
    ['front-token', 'st-access-token', 'st-refresh-token', 'anti-csrf'].flatMap((name) => {
      const value = headers.get(name)
      return value === null ? [] : [[name, value.replace(/^.{20,}$/, '<token>')]]
    }),
  )

/** An access token that another installation has issued. */
async function foreignToken(): Promise<string> {
  const { sdk } = await openSdkSite({}, { secret: FOREIGN_SECRET })
  const stranger = sdk('header')
  await stranger.login()
  return stranger.stored.access
}

/** Expects a refusal after which every client keeps its tokens. */
function expectLater(answer: Answer): void {
  expect(answer).toMatchObject({ status: 503, body: { message: 'try again later' }, cookies: [] })
  expect(answer.headers.get('retry-after')).toBe('1')
  expect(shape(answer.headers)).toStrictEqual({})
}

/** How the sessions of the user have ended, in no order; null for an active one. */
async function ends(sessions: Pick<Sessions, 'list'>): Promise<(string | null)[]> {
  const listed = await sessions.list('anna')
  return listed.map(({ endReason }) => endReason)
}

describe('a login', () => {
  it('in cookie mode sets both cookies and the front token', async () => {
    const { sdk } = await openSdkSite()
    const { status, body, cookies, headers } = await sdk('cookie').login()
    expect({ status, body, cookies, front: shape(headers) }).toStrictEqual({
      status: 200,
      body: { expiresIn: expect.any(Number), marker: expect.stringMatching(/^[\w-]{8}$/) },
      cookies: [
        `sAccessToken=<access>; Path=/; ${YEAR}`,
        `sRefreshToken=<refresh>; Path=/auth/session/refresh; ${MONTH}`,
      ],
      front: { 'front-token': '<token>' },
    })
    expect(exposed(headers)).toStrictEqual(['front-token'])
    expect(headers.get('cache-control')).toBe('private, no-store')
  })

  it('in header mode sets no cookie, and no token is in the body', async () => {
    const { sdk } = await openSdkSite()
    const { cookies, headers, text } = await sdk('header').login()
    expect({ cookies, front: shape(headers) }).toStrictEqual({
      cookies: [],
      front: { 'front-token': '<token>', 'st-access-token': '<token>', 'st-refresh-token': '<token>' },
    })
    expect(exposed(headers)).toStrictEqual(['st-access-token', 'front-token', 'st-refresh-token'])
    expect(headers.get('cache-control')).toBe('private, no-store')
    expect(text).not.toMatch(/eyJ|pawl_r1_/)
  })

  it.each(['header', 'HEADER', 'any', '', undefined])('travels in headers for the mode %j', async (mode) => {
    const { sdk } = await openSdkSite()
    const { cookies, headers } = await sdk('header').login({
      headers: { 'st-auth-mode': mode, 'fdi-version': '4.1' },
    })
    expect([cookies, headers.has('st-access-token')]).toStrictEqual([[], true])
  })

  it.each(['cookie', 'Cookie', ' cookie '])('travels in cookies for the mode %j', async (mode) => {
    const { sdk } = await openSdkSite()
    const { cookies, headers } = await sdk('header').login({ headers: { 'st-auth-mode': mode } })
    expect([cookies.length, headers.has('st-access-token')]).toStrictEqual([2, false])
  })

  it('tells the client its claims and the life of its access token, in what every SDK decodes', async () => {
    const { sdk, clock } = await openSdkSite()
    const anna = sdk('header')
    const claims = { name: 'Ånna 🐾', roles: ['a'], 'st-ev': { v: true, t: 1 } }
    await anna.login({
      handler: async (session) => Response.json(await session.create({ userId: 'änna', claims })),
    })
    const token = parseFrontToken(anna.stored.front)
    const { iat, exp } = decodeJwt(anna.stored.access).payload as { iat: number; exp: number }
    expect(token).toStrictEqual({ uid: 'änna', ate: exp * 1000, up: { ...claims, sub: 'änna', iat, exp } })
    expect(iat).toBe(Math.floor(clock.now() / 1000))
    expect(Number.isInteger(token.ate)).toBe(true)
  })

  it.each([
    ['cookie', 'header'],
    ['header', 'cookie'],
  ] as const)('in %s mode clears the tokens that travel by %s, and ends their session', async (to, from) => {
    const { sdk, sessions } = await openSdkSite()
    const anna = sdk(from)
    await anna.login()
    const answer = await anna.login({ headers: { 'st-auth-mode': to } })
    expect(await ends(sessions)).toHaveLength(2)
    expect(await ends(sessions)).toStrictEqual(expect.arrayContaining([null, 'replaced']))
    if (to === 'cookie')
      expect(shape(answer.headers)).toStrictEqual({
        'front-token': '<token>',
        'st-access-token': '',
        'st-refresh-token': '',
      })
    else expect(answer.cookies).toStrictEqual(CLEARED)
    expect(await anna.me()).toMatchObject({ status: 200 })
    expect([anna.jar.names.length, anna.stored.access !== '']).toStrictEqual(
      to === 'cookie' ? [2, false] : [0, true],
    )
  })

  it('that is not persistent sets cookies of the browser session', async () => {
    const { sdk } = await openSdkSite()
    const anna = sdk('cookie')
    const handler: Handler = async (session) =>
      Response.json(await session.create({ userId: 'anna', persistent: false }))
    expect((await anna.login({ handler })).cookies).toStrictEqual([
      `sAccessToken=<access>; Path=/; ${ATTRIBUTES}`,
      `sRefreshToken=<refresh>; Path=/auth/session/refresh; ${ATTRIBUTES}`,
    ])
  })

  it('takes the attributes of the cookies from the options', async () => {
    const cookies = { domain: 'example.com', sameSite: 'none', partitioned: true } as const
    const { sdk } = await openSdkSite({ cookies })
    const login = await sdk('cookie').login()
    for (const cookie of login.cookies)
      expect(cookie).toMatch(/; HttpOnly; Secure; SameSite=None; Domain=example\.com; Partitioned$/)
  })

  it('on plain localhost sets the same cookies without Secure', async () => {
    const site = await openSdkSite()
    const visitor = site.visitor(undefined, 'http://localhost:3000')
    const headers = { 'st-auth-mode': 'cookie', host: 'localhost:3000' }
    const handler: Handler = async (session) => Response.json(await session.create({ userId: 'anna' }))
    const { cookies } = await visitor.visit('POST', '/login', { headers, handler })
    expect(cookies.map((cookie) => cookie.replace(/ Expires.*GMT; Max-Age=\d+;/, ''))).toStrictEqual([
      'sAccessToken=<access>; Path=/; HttpOnly; SameSite=Lax',
      'sRefreshToken=<refresh>; Path=/auth/session/refresh; HttpOnly; SameSite=Lax',
    ])
  })
})

describe.each(MODES)('a client in %s mode', (mode) => {
  async function signedIn(...given: Parameters<typeof openSdkSite>) {
    const site = await openSdkSite(...given)
    const anna = site.sdk(mode)
    expect((await anna.login()).status).toBe(200)
    return { ...site, anna }
  }
  /** The refresh token that a client holds. */
  const held = ({ jar, stored }: Sdk): string | undefined =>
    mode === 'header' ? stored.refresh : jar.get('sRefreshToken')

  it('refreshes after its access token has expired', async () => {
    const { anna, clock } = await signedIn()
    expect(await anna.me()).toMatchObject({ status: 200, body: { userId: 'anna', generation: 0 } })
    const before = held(anna)
    clock.advance(HOUR)
    const expired = await anna.me()
    expect(expired).toMatchObject(TRY_REFRESH)
    expect(shape(expired.headers)).toStrictEqual({})
    const refreshed = await anna.refresh()
    expect(refreshed).toMatchObject({ status: 200, text: '{}' })
    expect(refreshed.headers.get('content-type')).toBe('application/json')
    expect(shape(refreshed.headers)).toStrictEqual(
      mode === 'cookie'
        ? { 'front-token': '<token>' }
        : { 'front-token': '<token>', 'st-access-token': '<token>', 'st-refresh-token': '<token>' },
    )
    expect(held(anna)).not.toBe(before)
    expect(await anna.me()).toMatchObject({ status: 200, body: { userId: 'anna', generation: 1 } })
  })

  it('refreshes with a body, an unknown version or none at all', async () => {
    const { anna, clock } = await signedIn()
    for (const options of [
      { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      { body: '{', headers: { 'content-type': 'application/json' } },
      { body: '{"refreshToken":"x"}', headers: { 'content-type': 'application/json' } },
      { headers: { 'fdi-version': '9.9,ä' } },
      { headers: { 'fdi-version': undefined, rid: undefined } },
      { headers: { rid: 'emailpassword' } },
    ]) {
      clock.advance(HOUR)
      expect(await anna.refresh(options)).toMatchObject({ status: 200, text: '{}' })
      expect((await anna.me()).status).toBe(200)
    }
  })

  it('repeats a refresh whose answer was lost, at once and by several tabs', async () => {
    const { anna, clock } = await signedIn()
    clock.advance(HOUR)
    const tabs = [anna.copy(), anna.copy(), anna.copy()]
    await anna.copy().refresh()
    clock.advance(5)
    for (const tab of tabs) expect((await tab.refresh()).status).toBe(200)
    for (const tab of tabs) expect((await tab.me()).status).toBe(200)
  })

  it('keeps its refresh token if the answer holds none', async () => {
    const { anna } = await signedIn()
    await anna.refresh()
    const [access, refresh] = [anna.stored.access, held(anna)]
    const again = await anna.refresh()
    expect(again.status).toBe(200)
    expect(again.headers.has('front-token')).toBe(true)
    expect([held(anna), anna.stored.access !== access || mode === 'cookie']).toStrictEqual([refresh, true])
    expect((await anna.me()).status).toBe(200)
  })

  it('signs out, and the session ends', async () => {
    const { anna, sessions } = await signedIn()
    const kept = anna.copy()
    const answer = await anna.signOut()
    expect(answer).toMatchObject({ status: 200, body: { status: 'OK' }, cookies: CLEARED })
    expect(shape(answer.headers)).toStrictEqual({
      'front-token': 'remove',
      'st-access-token': '',
      'st-refresh-token': '',
    })
    expect(exposed(answer.headers).sort()).toStrictEqual([
      'front-token',
      'st-access-token',
      'st-refresh-token',
    ])
    expect(await ends(sessions)).toStrictEqual(['logout'])
    expect(await anna.me()).toMatchObject({ ...UNAUTHORISED, cookies: [] })
    expect(await kept.me()).toMatchObject({ ...UNAUTHORISED, cookies: [] })
  })

  it.each([
    [
      'has a wrong signature',
      (token: string) => token.slice(0, -6) + (token.endsWith('AAAAAA') ? 'BBBBBB' : 'AAAAAA'),
    ],
    ['is of another secret', () => foreignToken()],
    ['is cut off', (token: string) => token.slice(0, -1)],
  ])('refreshes before it signs out, if its access token %s', async (_what, spoil) => {
    const { anna, sessions } = await signedIn()
    if (mode === 'cookie') anna.jar.put('sAccessToken', await spoil(anna.jar.get('sAccessToken')!))
    else anna.stored.access = await spoil(anna.stored.access)
    const answer = await anna.signOut()
    expect(answer).toMatchObject(TRY_REFRESH)
    expect(shape(answer.headers)).toStrictEqual({})
    expect(await ends(sessions)).toStrictEqual([null])
    expect((await anna.refresh()).status).toBe(200)
    expect(await anna.signOut()).toMatchObject({ status: 200, body: { status: 'OK' } })
    expect(await ends(sessions)).toStrictEqual(['logout'])
  })

  it('signs out with an expired access token, too', async () => {
    const { anna, clock, sessions } = await signedIn()
    clock.advance(HOUR)
    expect(await anna.signOut()).toMatchObject({ status: 200, body: { status: 'OK' } })
    expect(await ends(sessions)).toStrictEqual(['logout'])
  })

  it('is told to forget a session that was ended elsewhere: by the refresh, not before', async () => {
    const { anna, sessions } = await signedIn()
    await sessions.revokeUser('anna')
    const refused = await anna.me()
    expect(refused).toMatchObject({ ...UNAUTHORISED, cookies: [] })
    expect(shape(refused.headers)).toStrictEqual({})
    const refresh = await anna.refresh()
    expect(refresh).toMatchObject({ ...UNAUTHORISED, cookies: CLEARED })
    expect(refresh.headers.get('front-token')).toBe('remove')
  })

  it.each<[string, (site: Awaited<ReturnType<typeof signedIn>>) => unknown]>([
    ['of a session that a login has replaced', ({ anna }) => anna.copy().login()],
    [
      'of a session that a login without its key has replaced',
      async ({ sessions }) => {
        const [{ sessionId } = { sessionId: '' }] = await sessions.list('anna')
        await sessions.create({ userId: 'anna', replaces: sessionId, unproven: [sessionId] })
      },
    ],
  ])('keeps the tokens %s: they may be those of the login by now', async (_what, refuse) => {
    const site = await signedIn()
    const { anna, clock } = site
    clock.advance(HOUR)
    await refuse(site)
    expectLater(await anna.refresh())
  })

  it('keeps its tokens while the schema refuses its claims', async () => {
    let isOutdated = false
    const claims = schema((value) => {
      if (isOutdated) throw ['role']
      return value
    })
    const { anna, clock } = await signedIn({}, { claims: claims as never })
    clock.advance(HOUR)
    isOutdated = true
    const before = { ...anna.stored }
    const refresh = await anna.refresh()
    expectLater(refresh)
    expect(anna.stored).toStrictEqual(before)
    isOutdated = false
    expect((await anna.refresh()).status).toBe(200)
    expect((await anna.me()).status).toBe(200)
  })

  it('and its thief are both signed out once an old refresh token returns', async () => {
    const { anna, clock, sessions } = await signedIn()
    const thief = anna.copy()
    for (let turn = 0; turn < 2; turn++) {
      clock.advance(HOUR)
      await anna.refresh()
      await anna.me()
    }
    await sessions.flush()
    clock.advance(HOUR)
    const found = await thief.refresh()
    expect(found).toMatchObject({ status: 401, body: { message: 'token theft detected' }, cookies: CLEARED })
    expect(found.headers.get('front-token')).toBe('remove')
    expect(await anna.refresh()).toMatchObject({ ...UNAUTHORISED, cookies: CLEARED })
  })

  it('sees new claims after the next refresh', async () => {
    const { anna, sessions } = await signedIn()
    const [{ sessionId } = { sessionId: '' }] = await sessions.list('anna')
    await sessions.setClaims(sessionId, { role: 'admin' })
    expect(await anna.me()).toMatchObject(TRY_REFRESH)
    expect(parseFrontToken(anna.stored.front).up).toMatchObject({ role: 'user' })
    await anna.refresh()
    expect(parseFrontToken(anna.stored.front).up).toMatchObject({ role: 'admin' })
  })

  it.each<[string, Handler]>([
    ['setClaims', async (session) => Response.json(await session.setClaims({ role: 'a' }, { renew: true }))],
    ['reauthenticate', async (session) => Response.json(await session.reauthenticate())],
    ['revokeOthers', async (session) => Response.json(await session.revokeOthers())],
  ])('gets new tokens from %s', async (_name, handler) => {
    const { anna } = await signedIn()
    const before = held(anna)
    const { status, headers } = await anna.send('POST', '/renew', { handler })
    expect([status, headers.has('front-token'), held(anna) === before]).toStrictEqual([200, true, false])
    expect((await anna.me()).status).toBe(200)
    expect((await anna.refresh()).status).toBe(200)
  })

  it('gets 403 with the claims that a route misses', async () => {
    const { anna, clock } = await signedIn()
    clock.advance(120)
    const old = await anna.send('POST', '/pay', { info: { maxAuthAge: 60 } })
    expect(old).toMatchObject({
      status: 403,
      body: {
        message: 'invalid claim',
        claimValidationErrors: [
          {
            id: 'recent_auth_required',
            reason: { message: 'the user has not authenticated recently enough' },
          },
        ],
      },
      cookies: [],
    })
    expect(shape(old.headers)).toStrictEqual({})
    for (const [info, id] of [
      [{ device: true }, 'device_required'],
      [{ proof: true }, 'device_required'],
    ] as const) {
      const { status, body } = await anna.send('GET', '/me', { info })
      expect([status, body]).toMatchObject([403, { claimValidationErrors: [{ id }] }])
    }
  })

  it('is a visitor of an optional route, unless its access token has expired', async () => {
    const { anna, sdk, clock } = await signedIn()
    const handler: Handler = ({ current }) => Response.json({ userId: current?.userId ?? null })
    const hello = (client: Sdk) => client.send('GET', '/hello', { info: { optional: true }, handler })
    expect(await hello(anna)).toMatchObject({ status: 200, body: { userId: 'anna' } })
    expect(await hello(sdk(mode))).toMatchObject({ status: 200, body: { userId: null } })
    clock.advance(HOUR)
    expect(await hello(anna)).toMatchObject(TRY_REFRESH)
  })

  it('never gets a page or a redirect', async () => {
    const { anna, clock } = await signedIn({ refresh: 'inline' })
    clock.advance(HOUR)
    const headers = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', accept: 'text/html' }
    expect(await anna.me({ headers })).toMatchObject(TRY_REFRESH)
    expect(await anna.refresh({ headers })).toMatchObject({ status: 200, text: '{}' })
  })

  it('is checked against its row in the mode `lookup`', async () => {
    const { anna, sessions } = await signedIn({}, { revocation: { mode: 'lookup' } })
    expect((await anna.me()).status).toBe(200)
    await sessions.revokeUser('anna')
    expect(await anna.me()).toMatchObject(UNAUTHORISED)
  })

  it('gets no device challenge, and `require` is refused at the start', async () => {
    const { sdk } = await openSdkSite({}, { deviceBinding: 'offer' })
    const anna = sdk(mode)
    const { body, headers } = await anna.login()
    expect(Object.keys(body as object).sort()).toStrictEqual(['expiresIn', 'marker'])
    expect(headers.has('secure-session-registration')).toBe(false)
    await expect(openSdkSite({}, { deviceBinding: 'require' })).rejects.toMatchObject({
      code: 'ERR_INVALID_OPTIONS',
      option: 'protocol',
    })
  })
})

describe('an administrator who acts as a user', () => {
  const act: Handler = async (session) =>
    Response.json(await session.actAs({ userId: 'user', lifetime: HOUR }))
  const stop: Handler = async (session) => Response.json(await session.stopActing())

  it('continues to in cookie mode, until the acting is stopped', async () => {
    const { sdk, clock } = await openSdkSite()
    const root = sdk('cookie')
    await root.login()
    await root.send('POST', '/act', { handler: act })
    expect(parseFrontToken(root.stored.front)).toMatchObject({ uid: 'user', up: { sub: 'user' } })
    expect(parseFrontToken(root.stored.front).up).not.toHaveProperty('act')
    clock.advance(HOUR / 3)
    expect((await root.refresh()).status).toBe(200)
    expect(await root.me()).toMatchObject({ status: 200, body: { userId: 'user' } })
    await root.send('POST', '/stop', { handler: stop })
    expect(await root.me()).toMatchObject(TRY_REFRESH)
    expect((await root.refresh()).status).toBe(200)
    expect(await root.me()).toMatchObject({ status: 200, body: { userId: 'anna' } })
    expect(parseFrontToken(root.stored.front).uid).toBe('anna')
  })

  it('returns to the own session if the acting session was ended elsewhere', async () => {
    const { sdk, sessions } = await openSdkSite()
    const root = sdk('cookie')
    await root.login()
    await root.send('POST', '/act', { handler: act })
    await sessions.revokeUser('user')
    expect((await root.me()).status).toBe(401)
    // This request was meant for the other user.
    const refresh = await root.refresh()
    expect(refresh).toMatchObject(UNAUTHORISED)
    expect(parseFrontToken(refresh.headers.get('front-token')).uid).toBe('anna')
    expect(await root.me()).toMatchObject({ status: 200, body: { userId: 'anna' } })
  })

  it('cannot in header mode: a refresh would repeat a request as the administrator', async () => {
    const { sdk, sessions } = await openSdkSite()
    const root = sdk('header')
    await root.login()
    const before = { ...root.stored }
    await expect(root.send('POST', '/act', { handler: act })).rejects.toThrow(
      /^`actAs` needs tokens in cookies/,
    )
    expect([await sessions.list('user'), root.stored]).toStrictEqual([[], before])
    expect(await root.me()).toMatchObject({ status: 200, body: { userId: 'anna' } })
  })
})
