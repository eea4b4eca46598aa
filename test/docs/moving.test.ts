import { createHmac, randomUUID } from 'node:crypto'
import express, { type ErrorRequestHandler, type Express } from 'express'
import express4 from 'express4'
import type pg from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  expressSessions,
  requireSession,
  sessionErrors,
  sessionOf,
} from '../../src/adapters/express/index.ts'
import type { Sessions, SessionsOptions } from '../../src/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { type Client, createClient, type Received } from '../support/http-client.ts'
import { listen } from '../support/http-server.ts'
import { compileGuide, readGuide, requireOfGuide } from '../support/moving-guide.ts'
import { openSessions } from '../support/sessions.ts'

const OLD_SECRET = 'the secret of express-session'
const CLEARED = 'connect.sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT'
const NAMES = ['__Host-pawl-access', '__Secure-pawl-refresh', 'connect.sid']

let exchange: string
let pool: pg.Pool
beforeAll(async () => {
  exchange = await compileGuide('moving', 'moving/express-session')
  pool = createPool(await createDatabase())
  // The table of connect-pg-simple.
  await pool.query(
    'create table session (sid varchar primary key, sess json not null, expire timestamp(6) not null)',
  )
  const [, column] = /`(alter table session [^`]+)`/.exec(await readGuide('moving/express-session'))!
  await pool.query(column!)
})

/** Stores a session as express-session does at a login. @returns the value of its cookie */
async function oldLogin(userId: unknown, lifetime = '1 day', held: object = {}): Promise<string> {
  const sid = randomUUID()
  await pool.query('insert into session values ($1, $2, localtimestamp + $3::interval)', [
    sid,
    { cookie: { path: '/' }, userId, ...held },
    lifetime,
  ])
  const signature = createHmac('sha256', OLD_SECRET).update(sid).digest('base64').replace(/=+$/, '')
  return encodeURIComponent(`s:${sid}.${signature}`)
}

describe.each([
  ['Express 4', express4],
  ['Express 5', express],
])('moving a session from express-session, on %s', (_name, create: () => Express) => {
  async function open(
    database: Pick<pg.Pool, 'query'> = pool,
    options: Pick<SessionsOptions, 'refreshClaims'> = {},
  ) {
    const clock = createFakeClock()
    const sessions: Sessions = await openSessions({ now: clock.now, ...options })
    const app = create()
    const names = {
      ...{ expressSessions, sessionOf, sessions, pool: database, OLD_SECRET, app },
      Date: clock,
    }
    const values = [requireOfGuide, {}, ...Object.values(names)]
    new Function('require', 'exports', ...Object.keys(names), exchange)(...values)
    app.get('/me', requireSession(), (req, res) => void res.json({ id: sessionOf(req, sessions).userId }))
    app.use(sessionErrors())
    const last: ErrorRequestHandler = (_error, _req, res, _next) => void res.status(500).json({})
    app.use(last)
    const port = await listen(app)
    const browserWith = (cookie: string): Client => {
      const client = createClient(port)
      client.jar.put('connect.sid', cookie)
      return client
    }
    return { sessions, clock, browserWith }
  }
  const me = (client: Client): Promise<Received> => client.send('GET', '/me')

  it('keeps the user signed in, clears the old cookie, and exchanges requests at once', async () => {
    const { sessions, browserWith } = await open()
    const old = await oldLogin('anna')
    const [anna, tab] = [browserWith(old), browserWith(old)]
    const first = await me(anna)
    expect([first.status, first.body]).toStrictEqual([200, { id: 'anna' }])
    expect(first.cookies.map((cookie) => cookie.split('=')[0]).sort()).toStrictEqual(NAMES)
    expect(first.cookies).toContain(CLEARED)
    const again = await me(anna)
    expect([again.status, again.cookies]).toStrictEqual([200, []])
    // This request still has the old cookie.
    expect((await me(tab)).body).toStrictEqual({ id: 'anna' })
    const sid = /^s:([^.]+)/.exec(decodeURIComponent(old))![1]
    const { rows } = await pool.query('select moved_to from session where sid = $1', [sid])
    const created = (await sessions.list('anna')).map(({ sessionId }) => sessionId)
    expect([rows[0].moved_to.length, rows[0].moved_to.sort()]).toStrictEqual([2, created.sort()])
  })

  it('exchanges again after a lost answer, however late', async () => {
    const { clock, browserWith } = await open()
    const old = await oldLogin('anna')
    for (const _lost of [1, 2]) {
      expect((await me(browserWith(old))).status).toBe(200)
      clock.advance(23 * 3600)
    }
    const anna = browserWith(old)
    expect((await me(anna)).body).toStrictEqual({ id: 'anna' })
    expect((await me(anna)).body).toStrictEqual({ id: 'anna' })
  })

  it('refuses a copy once the new session was refreshed, and leaves that alone', async () => {
    const { sessions, clock, browserWith } = await open()
    const old = await oldLogin('anna')
    const anna = browserWith(old)
    await me(anna)
    expect((await anna.send('POST', '/session/refresh')).status).toBe(200)
    await me(anna)
    const generations = async () => (await sessions.list('anna')).map(({ generation }) => generation)
    await expect.poll(generations).toStrictEqual([1])
    clock.advance(59)
    // A request that was under way.
    expect((await me(browserWith(old))).status).toBe(200)
    clock.advance(2)
    const refused = await me(browserWith(old))
    expect([refused.status, refused.body, refused.cookies]).toStrictEqual([
      401,
      { code: 'not_signed_in', refresh: false },
      [CLEARED],
    ])
    expect((await me(anna)).body).toStrictEqual({ id: 'anna' })
    expect(await sessions.list('anna', { active: true })).toHaveLength(2)
  })

  it('carries over what the session holds, and leaves out what PostgreSQL cannot store', async () => {
    const { sessions, browserWith } = await open()
    const held = { cart: [1, 2], note: 'a\0b\ud800', role: 'admin' }
    const numbered = await me(browserWith(await oldLogin(7, '1 day', held)))
    expect([numbered.status, numbered.body]).toStrictEqual([200, { id: '7' }])
    const [session] = await sessions.list('7')
    expect(session!.data).toStrictEqual({ cart: [1, 2], note: 'ab\ufffd', role: 'admin' })
  })

  it.each([[{ id: 1 }], [null], ['']])('signs nobody in for the user id %j', async (userId) => {
    const { browserWith } = await open()
    const { status, body, cookies } = await me(browserWith(await oldLogin(userId)))
    expect([status, body, cookies]).toStrictEqual([401, { code: 'not_signed_in', refresh: false }, [CLEARED]])
  })

  it('does not happen again after a logout, also if the old cookie comes again', async () => {
    const { sessions, browserWith } = await open()
    const old = await oldLogin('anna')
    const anna = browserWith(old)
    await me(anna)
    expect((await anna.send('POST', '/session/logout')).status).toBe(204)
    expect(anna.jar.names).toStrictEqual([])
    anna.jar.put('connect.sid', old)
    expect((await me(anna)).status).toBe(401)
    expect(anna.jar.names).toStrictEqual([])
    expect((await sessions.list('anna')).map(({ active }) => active)).toStrictEqual([false])
  })

  it('ignores an old cookie if the browser has a Pawl session, active or revoked', async () => {
    const { sessions, browserWith } = await open()
    const anna = browserWith(await oldLogin('anna'))
    await me(anna)
    anna.jar.put('connect.sid', await oldLogin('mallory'))
    const kept = await me(anna)
    expect([kept.body, kept.cookies]).toStrictEqual([{ id: 'anna' }, [CLEARED]])
    await sessions.revokeUser('anna')
    anna.jar.put('connect.sid', await oldLogin('anna'))
    const ended = await me(anna)
    expect([ended.status, ended.body]).toStrictEqual([401, { code: 'session_ended', refresh: false }])
    expect(await sessions.list('mallory')).toStrictEqual([])
  })

  it('ignores and clears forged and expired cookies', async () => {
    const { browserWith } = await open()
    const genuine = await oldLogin('anna')
    for (const cookie of [
      await oldLogin('anna', '-1 second'),
      genuine.replace(/\w/, (letter) => (letter === 's' ? 'S' : 's')),
      `${genuine.slice(0, -4)}AAAA`,
      'garbage',
    ]) {
      const { status, body, cookies } = await me(browserWith(cookie))
      expect([status, body, cookies]).toStrictEqual([
        401,
        { code: 'not_signed_in', refresh: false },
        [CLEARED],
      ])
    }
  })

  it('goes on without a session if `refreshClaims` refuses the user, and clears the old cookie', async () => {
    const { sessions, browserWith } = await open(pool, { refreshClaims: () => null })
    const { status, body, cookies } = await me(browserWith(await oldLogin('anna')))
    expect([status, body, cookies]).toStrictEqual([401, { code: 'not_signed_in', refresh: false }, [CLEARED]])
    expect(await sessions.list('anna', { active: true })).toStrictEqual([])
  })

  it('leaves a request in bearer mode and its old cookie alone', async () => {
    const { sessions, browserWith } = await open()
    const headers = { 'pawl-transport': 'bearer' }
    const { status, cookies } = await browserWith(await oldLogin('ben')).send('GET', '/me', { headers })
    expect([status, cookies]).toStrictEqual([401, []])
    expect(await sessions.list('ben')).toStrictEqual([])
  })

  it('answers 500 in an outage and keeps the old cookie', async () => {
    const unreachable = { query: () => Promise.reject(new Error('connect ECONNREFUSED')) }
    const { browserWith } = await open(unreachable as unknown as pg.Pool)
    const { status, cookies } = await me(browserWith(await oldLogin('anna')))
    expect([status, cookies]).toStrictEqual([500, []])
  })
})
