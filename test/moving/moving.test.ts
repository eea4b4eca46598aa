import express4 from 'express4'
import type pg from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  expressSessions,
  requireSession,
  sessionErrors,
  sessionOf,
} from '../../src/adapters/express/index.ts'
import type { Sessions } from '../../src/index.ts'
import { LATER_CLAIM_NAMES, TOKEN_CLAIM_NAMES } from '../../src/portable/token-claims.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { type Client, createClient } from '../support/http-client.ts'
import { listen } from '../support/http-server.ts'
import { compileGuide, requireOfGuide } from '../support/moving-guide.ts'
import { oldPackages } from '../support/old-packages.ts'
import { openSessions } from '../support/sessions.ts'

const OLD_COOKIES = ['sAccessToken', 'sIdRefreshToken', 'sRefreshToken']
const PAWL_COOKIES = ['__Host-pawl-access', '__Secure-pawl-refresh']

/** The parts of the old library that the test and the guide use. */
interface OldLibrary {
  init(config: object, pool: pg.Pool): Promise<void>
  createNewSession(
    res: unknown,
    userId: string | number,
    jwtPayload?: unknown,
    sessionInfo?: unknown,
  ): Promise<unknown>
}

const requireOld = oldPackages('supertokens-node-postgres-ref-jwt@4.0.0', 'iron-session@8.0.4')

describe('moving a session from supertokens-node-postgres-ref-jwt', () => {
  let SuperTokens: OldLibrary
  let pool: pg.Pool
  let exchange: string

  beforeAll(async () => {
    SuperTokens = requireOld('supertokens-node-postgres-ref-jwt/express')
    const database = await createDatabase()
    pool = createPool(database)
    exchange = await compileGuide('moving', 'moving/supertokens-node-postgres-ref-jwt')
    await SuperTokens.init(
      {
        postgres: { config: { user: 'unused', database: 'unused' } },
        tokens: { refreshToken: { renewTokenPath: '/api/refreshsession' } },
        cookie: { domain: '', secure: false },
      },
      pool,
    )
  })

  /** Calls the route as the page does: to exchange the session, and to end the old one. */
  async function exchanged(client: Client): Promise<void> {
    expect((await client.send('POST', '/api/refreshsession')).status).toBe(200)
    expect(client.jar.names).toStrictEqual([...PAWL_COOKIES, ...OLD_COOKIES])
    expect((await client.send('POST', '/api/refreshsession')).status).toBe(200)
    expect(client.jar.names).toStrictEqual(PAWL_COOKIES)
  }

  async function open() {
    const clock = createFakeClock()
    const sessions: Sessions = await openSessions({ now: clock.now })
    const app = express4()
    let login: readonly [string | number, unknown?, unknown?] = ['unknown']
    app.use(expressSessions(sessions))
    app.post('/old-login', (_req, res, next) => {
      SuperTokens.createNewSession(res, ...login).then(() => res.json({}), next)
    })
    app.get('/me', requireSession(), (_req, res) => void res.json({}))
    const names = { SuperTokens, sessionOf, sessions, app, Date: clock }
    new Function('exports', ...Object.keys(names), exchange)({}, ...Object.values(names))
    app.use(sessionErrors())
    app.use(((_error, _req, res, _next) => void res.status(500).json({})) as express4.ErrorRequestHandler)
    const port = await listen(app)
    /** A browser with a session of the old library. */
    async function browserOf(...given: typeof login): Promise<Client> {
      login = given
      const client = createClient(port)
      expect((await client.send('POST', '/old-login')).status).toBe(200)
      expect(client.jar.names).toStrictEqual(OLD_COOKIES)
      return client
    }
    return { sessions, clock, port, browserOf }
  }

  const CASES: readonly { readonly payload: unknown; readonly claims: unknown }[] = [
    { payload: { role: 'admin', nested: { a: [null] } }, claims: { role: 'admin', nested: { a: [null] } } },
    { payload: undefined, claims: {} },
    { payload: null, claims: {} },
    { payload: { note: 'a\0b\ud800' }, claims: { note: 'ab\ufffd' } },
    { payload: JSON.parse('{"__proto__":{},"a\\u0000":1,"b":2}'), claims: { b: 2 } },
    ...[['admin', 'editor'], 'admin', 42, false].map((payload) => ({ payload, claims: { payload } })),
  ]
  it.each(CASES)('carries over the payload $payload and any session info', async ({ payload, claims }) => {
    const { sessions, browserOf } = await open()
    for (const info of [undefined, { cart: [1] }, ['a'], 'text\0', 0]) {
      const anna = await browserOf('anna', payload, info)
      await exchanged(anna)
      const [session] = await sessions.list('anna')
      const text = JSON.stringify(info ?? null)
        .replaceAll('\\u0000', '')
        .replaceAll('\\ud800', '\ufffd')
      expect([session!.claims, session!.data]).toStrictEqual([claims, JSON.parse(text)])
      await sessions.deleteUser('anna')
    }
  })

  it('wraps a payload that has a reserved name', async () => {
    const { sessions, browserOf } = await open()
    for (const name of [...TOKEN_CLAIM_NAMES, ...LATER_CLAIM_NAMES]) {
      if (name === '__proto__') continue
      const payload = { [name]: 'x', role: 'admin' }
      const anna = await browserOf(`anna-${name}`, payload)
      expect((await anna.send('POST', '/api/refreshsession')).status).toBe(200)
      const [session] = await sessions.list(`anna-${name}`)
      expect(session!.claims).toStrictEqual({ payload })
    }
  })

  it('moves number ids, and keeps the old session until the browser has its new one', async () => {
    const { sessions, browserOf } = await open()
    await pool.query('delete from refresh_token')
    const anna = await browserOf(7)
    const copy = anna.jar.copy()
    await exchanged(anna)
    expect((await sessions.list('7')).map(({ active }) => active)).toStrictEqual([true])
    expect((await pool.query('select from refresh_token')).rowCount).toBe(0)
    for (const name of OLD_COOKIES) anna.jar.put(name, copy.get(name)!)
    expect((await anna.send('POST', '/api/refreshsession')).status).toBe(500)
    expect(await sessions.list('7')).toHaveLength(1)
  })

  it('exchanges again after a lost answer, however late, and carries over the same data', async () => {
    const { sessions, clock, port, browserOf } = await open()
    const anna = await browserOf('anna', { role: 'admin' }, ['a'])
    for (const _lost of [1, 2]) {
      const lost = createClient(port, anna.jar.copy())
      expect((await lost.send('POST', '/api/refreshsession')).status).toBe(200)
      clock.advance(24 * 3600)
    }
    await exchanged(anna)
    const moved = (await sessions.list('anna')).map(({ claims, data }) => [claims, data])
    expect(moved).toStrictEqual(Array.from({ length: 3 }, () => [{ role: 'admin' }, ['a']]))
  })

  it('refuses a copy after a logout, and once the new session was refreshed', async () => {
    const { sessions, clock, port, browserOf } = await open()
    const refreshed = async (client: Client) => {
      expect((await client.send('POST', '/session/refresh')).status).toBe(200)
      await client.send('GET', '/me')
      await sessions.flush()
      expect(await sessions.list('bob')).toMatchObject([{ generation: 1 }])
      clock.advance(61)
    }
    const loggedOut = (client: Client) => client.send('POST', '/session/logout')
    await pool.query('delete from refresh_token')
    for (const [userId, use, active] of [
      ['anna', loggedOut, 0],
      ['bob', refreshed, 1],
    ] as const) {
      const client = await browserOf(userId)
      const copy = createClient(port, client.jar.copy())
      expect((await client.send('POST', '/api/refreshsession')).status).toBe(200)
      await use(client)
      expect((await copy.send('POST', '/api/refreshsession')).status).toBe(200)
      expect(copy.jar.names).toStrictEqual([])
      expect((await pool.query('select from refresh_token')).rowCount).toBe(0)
      expect(await sessions.list(userId)).toHaveLength(1)
      expect(await sessions.list(userId, { active: true })).toHaveLength(active)
    }
  })

  it('creates no session for a browser whose session of Pawl has ended', async () => {
    const { sessions, browserOf } = await open()
    const anna = await browserOf('anna')
    await anna.send('POST', '/api/refreshsession')
    await sessions.revokeUser('anna')
    const mallory = await browserOf('mallory')
    for (const name of PAWL_COOKIES) mallory.jar.put(name, anna.jar.get(name)!)
    expect((await mallory.send('POST', '/api/refreshsession')).status).toBe(200)
    expect(await sessions.list('mallory')).toStrictEqual([])
  })
})

describe('moving a session from iron-session', () => {
  const password = 'a password of at least 32 characters'
  it.each([
    [{ userId: 7, cart: [1], note: 'a\0b' }, password, 200, { cart: [1], note: 'ab' }],
    [{ userId: { id: 7 } }, password, 401, undefined],
    [{ userId: 7 }, password.toUpperCase(), 401, undefined],
  ])(
    'moves %j and what else it holds, if the user id is one and the seal is genuine',
    async (held, sealedWith, status, data) => {
      const sessions: Sessions = await openSessions()
      const app = express4()
      const code = await compileGuide('moving', 'moving/express-session', 'moving/iron-session')
      const names = { expressSessions, sessionOf, sessions, app, OLD_PASSWORD: password, OLD_TTL: 3600 }
      const requireAny = (name: string) => (name === 'iron-session' ? requireOld(name) : requireOfGuide(name))
      const exchange = code.replaceAll('connect.sid', 'iron')
      new Function('require', 'exports', ...Object.keys(names), exchange)(
        requireAny,
        {},
        ...Object.values(names),
      )
      app.get('/me', requireSession(), (_req, res) => void res.json({}))
      app.use(sessionErrors())
      const client = createClient(await listen(app))
      client.jar.put(
        'iron',
        await requireOld('iron-session').sealData(held, { password: sealedWith, ttl: 3600 }),
      )
      expect((await client.send('GET', '/me')).status).toBe(status)
      expect(client.jar.names).not.toContain('iron')
      expect((await sessions.list('7'))[0]?.data).toStrictEqual(data)
    },
  )
})
