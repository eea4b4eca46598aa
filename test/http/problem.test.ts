import { describe, expect, it } from 'vitest'
import {
  AccessTokenExpiredError,
  AccessTokenInvalidError,
  type AnySessionsError,
  CsrfRejectedError,
  type EndReason,
  HandoffRefusedError,
  InvalidOptionsError,
  NotSignedInError,
  RecentAuthRequiredError,
  RefreshTokenInvalidError,
  RefreshTokenReusedError,
  SchemaOutdatedError,
  SecretUnknownError,
  SessionEndedError,
  SessionLimitError,
  SessionOutdatedError,
  StoreUnavailableError,
  TryAgainError,
} from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { fragile } from '../support/http-outage.ts'
import { codeInPage, openSite, type Site, type Visitor } from '../support/http-site.ts'
import { NEW_SECRET, SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'

const ACCESS = '__Host-pawl-access'
const REFRESH = '__Secure-pawl-refresh'
const GONE = 'Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax'
const CLEARED = [`${ACCESS}=; Path=/; ${GONE}`, `${REFRESH}=; Path=/session; ${GONE}`]
const ended = { code: 'session_ended', refresh: false }

async function openSignedIn(
  options: Parameters<typeof openSite>[1] = {},
): Promise<{ site: Site; anna: Visitor; id: string }> {
  const site = await openSite({}, options)
  const anna = site.visitor()
  await anna.login()
  const [session] = await site.sessions.list('anna')
  return { site, anna, id: session!.sessionId }
}

describe('an error thrown by a handler', () => {
  const COMMON_HEADERS = {
    'cache-control': 'private, no-store',
    'content-type': 'application/json',
    'cross-origin-resource-policy': 'same-site',
    vary: 'Cookie',
    'x-content-type-options': 'nosniff',
  }
  const INVALID = 'Bearer error="invalid_token"'

  it.each<[AnySessionsError, number, object, Record<string, string>, string | null]>([
    [new NotSignedInError(), 401, { code: 'not_signed_in', refresh: false }, {}, 'Bearer'],
    [
      new AccessTokenExpiredError('expired'),
      401,
      { code: 'access_token_expired', refresh: true },
      {},
      INVALID,
    ],
    [
      new AccessTokenExpiredError('superseded'),
      401,
      { code: 'access_token_expired', refresh: true },
      {},
      INVALID,
    ],
    [new AccessTokenInvalidError(), 401, { code: 'access_token_invalid', refresh: true }, {}, INVALID],
    ...(
      ['logout', 'revoked', 'reuse', 'idle', 'absolute', 'limit', 'rollback', 'other', 'unknown'] as const
    ).map((reason): [AnySessionsError, number, object, Record<string, string>, string | null] => [
      new SessionEndedError('s', reason),
      401,
      ended,
      {},
      INVALID,
    ]),
    [new SessionEndedError('s', 'replaced'), 401, { code: 'session_replaced', refresh: 'once' }, {}, INVALID],
    [new SessionEndedError('s', 'device'), 401, { code: 'session_ended', refresh: 'once' }, {}, INVALID],
    [
      new SessionOutdatedError('s', 'claims.tenant'),
      401,
      { code: 'session_outdated', refresh: false },
      {},
      INVALID,
    ],
    [new RefreshTokenInvalidError(), 401, { code: 'refresh_token_invalid', refresh: false }, {}, INVALID],
    [
      new RefreshTokenReusedError('s', 'u'),
      401,
      { code: 'refresh_token_reused', refresh: false },
      {},
      INVALID,
    ],
    [new RecentAuthRequiredError(60), 403, { code: 'recent_auth_required', refresh: false }, {}, null],
    [new SessionLimitError('u'), 403, { code: 'session_limit', refresh: false }, {}, null],
    [new HandoffRefusedError('used'), 403, { code: 'handoff_refused', refresh: false }, {}, null],
    [new CsrfRejectedError('token'), 403, { code: 'csrf_rejected', refresh: false }, {}, null],
    [new TryAgainError(), 503, { code: 'try_again' }, { 'retry-after': '1' }, null],
    [new TryAgainError(17), 503, { code: 'try_again' }, { 'retry-after': '17' }, null],
    [new StoreUnavailableError('x'), 503, { code: 'unavailable' }, { 'retry-after': '5' }, null],
    [new SecretUnknownError(), 503, { code: 'unavailable' }, { 'retry-after': '30' }, null],
  ])(
    '%s becomes its response, with a challenge only in bearer mode, and clears no cookie',
    async (error, status, body, headers, challenge) => {
      const { visitor } = await openSite()
      const throwing = {
        handler: (): never => {
          throw error
        },
      }
      const cookie = await visitor().visit('GET', '/', throwing)
      expect([cookie.status, cookie.body]).toStrictEqual([status, body])
      expect(Object.fromEntries(cookie.headers)).toStrictEqual({ ...COMMON_HEADERS, ...headers })
      const bearer = await visitor().visit('GET', '/', {
        ...throwing,
        headers: { authorization: 'Bearer x' },
      })
      expect([bearer.status, bearer.body]).toStrictEqual([status, body])
      expect(Object.fromEntries(bearer.headers)).toStrictEqual({
        ...COMMON_HEADERS,
        ...headers,
        ...(challenge !== null && { 'www-authenticate': challenge }),
      })
    },
  )

  it.each([
    new InvalidOptionsError('o', 'x'),
    new SchemaOutdatedError('x'),
    new TypeError('x'),
    new Error('x'),
    { code: 'ERR_NOT_SIGNED_IN' },
    null,
  ])('is passed on unchanged if it is a programming mistake: %s', async (error) => {
    const { visitor } = await openSite()
    await expect(
      visitor().visit('GET', '/', {
        handler: () => {
          throw error
        },
      }),
    ).rejects.toBe(error)
  })
})

describe('an ended session', () => {
  it.each<EndReason>(['logout', 'revoked', 'limit', 'rollback'])(
    'with reason %s gets 401, and only the refresh route clears the cookies',
    async (reason) => {
      const { site, anna, id } = await openSignedIn()
      await site.sessions.revoke(id, reason)
      expect(await anna.me()).toMatchObject({ status: 401, body: ended, cookies: [] })
      expect(await anna.refresh()).toMatchObject({ status: 401, body: ended, cookies: CLEARED })
      expect(anna.jar.names).toStrictEqual([])
    },
  )

  it('with reason replaced keeps its cookies, even at the refresh route', async () => {
    const { site, anna, id } = await openSignedIn()
    await site.sessions.revoke(id, 'replaced')
    const replaced = { status: 401, body: { code: 'session_replaced', refresh: 'once' }, cookies: [] }
    expect(await anna.me()).toMatchObject(replaced)
    expect(await anna.refresh()).toMatchObject(replaced)
    expect(anna.jar.names).toStrictEqual([ACCESS, REFRESH])
  })

  it.each([
    ['idle', { idleTimeout: 3600 }, 3601],
    ['absolute', { absoluteTimeout: 3600 }, 3600],
  ] as const)(
    'with reason %s gets its cookies cleared by the refresh route',
    async (_which, options, later) => {
      const { site, anna } = await openSignedIn(options)
      site.clock.advance(later)
      expect(await anna.me()).toMatchObject({
        status: 401,
        body: { code: 'access_token_expired', refresh: true },
        cookies: [],
      })
      expect(await anna.refresh()).toMatchObject({ status: 401, body: ended, cookies: CLEARED })
    },
  )

  it('with reason reuse gets its cookies cleared by the refresh route, for thief and owner', async () => {
    const { site, anna } = await openSignedIn()
    const thief = site.visitor(anna.jar.copy())
    for (let round = 0; round < 2; round++) {
      site.clock.advance(600)
      await anna.refresh()
      await anna.me()
      await site.sessions.flush()
    }
    site.clock.advance(600)
    expect(await thief.refresh()).toMatchObject({
      status: 401,
      body: { code: 'refresh_token_reused', refresh: false },
      cookies: CLEARED,
    })
    expect(await anna.me()).toMatchObject({ status: 401, body: ended, cookies: [] })
    expect(await anna.refresh()).toMatchObject({ status: 401, body: ended, cookies: CLEARED })
  })
})

describe('an expired, outdated or damaged access token', () => {
  it('gets 401 with the cookies kept, and a refresh replaces it', async () => {
    const { site, anna, id } = await openSignedIn()
    await site.sessions.setClaims(id, { role: 'admin' })
    const expired = { status: 401, body: { code: 'access_token_expired', refresh: true }, cookies: [] }
    expect(await anna.me()).toMatchObject(expired)
    expect((await anna.refresh()).status).toBe(200)
    expect((await anna.me()).status).toBe(200)
    site.clock.advance(900)
    expect(await anna.me()).toMatchObject(expired)
    anna.jar.put(ACCESS, 'garbage')
    expect(await anna.me()).toMatchObject({
      status: 401,
      body: { code: 'access_token_invalid', refresh: true },
      cookies: [],
    })
    expect((await anna.refresh()).status).toBe(200)
    expect((await anna.me()).status).toBe(200)
  })
})

describe('a refresh', () => {
  it('without any cookie gets 401 and clears nothing', async () => {
    const { visitor } = await openSite()
    expect(await visitor().refresh()).toMatchObject({
      status: 401,
      body: { code: 'not_signed_in', refresh: false },
      cookies: [],
    })
  })

  it('with a damaged token gets 401 and clears the cookies', async () => {
    const { anna } = await openSignedIn()
    const token = anna.jar.get(REFRESH)!
    anna.jar.put(REFRESH, `${token.slice(0, -4)}AAAA`, '/session')
    expect(await anna.refresh()).toMatchObject({
      status: 401,
      body: { code: 'refresh_token_invalid', refresh: false },
      cookies: CLEARED,
    })
  })

  it.each([
    [
      'another secret',
      async () => {
        const elsewhere = await openSessions({ secret: [NEW_SECRET, SECRET] })
        return (await elsewhere.create({ userId: 'anna' })).refreshToken.value
      },
    ],
    ['a newer release', async () => `pawl_r2_${'A'.repeat(123)}`],
  ])('with a token of %s gets 503 and clears nothing', async (_whose, token) => {
    const { anna } = await openSignedIn()
    anna.jar.put(REFRESH, await token(), '/session')
    const { status, body, headers, cookies } = await anna.refresh()
    expect([status, body, headers.get('retry-after'), cookies]).toStrictEqual([
      503,
      { code: 'unavailable' },
      '30',
      [],
    ])
  })

  it('of a disconnected client changes no row and clears nothing', async () => {
    const { site, anna } = await openSignedIn()
    site.clock.advance(600)
    const gone = new AbortController()
    gone.abort()
    const { status, body, headers, cookies } = await anna.refresh({ signal: gone.signal })
    expect([status, body, headers.get('retry-after'), cookies]).toStrictEqual([
      503,
      { code: 'try_again' },
      '1',
      [],
    ])
    expect((await anna.refresh()).status).toBe(200)
  })

  it('gets 503 and clears nothing if the store is too slow', async () => {
    const store = memory()
    const delay: { beforeRead: (() => void) | null } = { beforeRead: null }
    const read = store.read.bind(store)
    const { site, anna } = await openSignedIn({
      store: Object.assign(store, {
        read: async (id: string) => {
          delay.beforeRead?.()
          return read(id)
        },
      }),
    })
    delay.beforeRead = () => site.clock.advance(16)
    expect(await anna.refresh()).toMatchObject({ status: 503, body: { code: 'try_again' }, cookies: [] })
    delay.beforeRead = null
    expect((await anna.refresh()).status).toBe(200)
  })
})

describe('while the store is down', () => {
  const unavailable = { status: 503, body: { code: 'unavailable' }, cookies: [] }

  async function outage(): Promise<{ site: Site; anna: Visitor; end(): void }> {
    const database = fragile(memory())
    const { site, anna } = await openSignedIn({ store: database.store })
    database.down = true
    return {
      site,
      anna,
      end() {
        database.down = false
      },
    }
  }

  it('a request with a valid access token is served', async () => {
    const { anna } = await outage()
    expect((await anna.me()).status).toBe(200)
  })

  it('login, refresh and logout get 503 and change no cookie, and work again afterwards', async () => {
    const { site, anna, end } = await outage()
    const someone = site.visitor()
    const before = anna.jar.header('/session')
    for (const answer of [
      await anna.refresh(),
      await anna.logout(),
      await someone.login({ userId: 'berta' }),
    ]) {
      expect(answer).toMatchObject(unavailable)
      expect(answer.headers.get('retry-after')).toBe('5')
      expect(answer.headers.get('cache-control')).toBe('private, no-store')
    }
    expect(anna.jar.header('/session')).toBe(before)
    expect(someone.jar.names).toStrictEqual([])
    end()
    expect((await anna.refresh()).status).toBe(200)
    expect((await someone.login({ userId: 'berta' })).status).toBe(200)
    expect((await anna.logout()).status).toBe(204)
  })

  it('a handler that fails to revoke the session does not clear its cookies', async () => {
    const { anna } = await outage()
    const signOut = async (session: { revoke(): Promise<boolean> }): Promise<Response> =>
      Response.json(await session.revoke())
    expect(await anna.visit('POST', '/bye', { handler: signOut })).toMatchObject(unavailable)
  })

  it('`check` gets 503', async () => {
    const { anna } = await outage()
    expect(
      await anna.me({ handler: async (session) => Response.json((await session.check()).userId) }),
    ).toMatchObject(unavailable)
  })

  it('a page load with an expired access token gets 503 from the refresh route, without a loop', async () => {
    const { site, anna } = await outage()
    site.clock.advance(3600)
    const redirected = await anna.navigate('/page')
    expect(redirected.status).toBe(303)
    const answer = await anna.navigate(redirected.headers.get('location')!)
    expect([answer.status, codeInPage(answer), answer.cookies]).toStrictEqual([503, 'unavailable', []])
  })
})
