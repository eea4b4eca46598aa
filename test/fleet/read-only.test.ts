import { randomBytes } from 'node:crypto'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { createSessions, type EventName, type Sessions, type SessionsOptions } from '../../src/index.ts'
import { type PostgresOptions, postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import {
  codeInPage,
  type Handler,
  me,
  openSite,
  type Site,
  type VisitOptions,
  type Visitor,
} from '../support/http-site.ts'
import { silentLogger } from '../support/logger.ts'
import { aroundQueries } from '../support/pools.ts'
import { SECRET } from '../support/secrets.ts'
import { openSessions } from '../support/sessions.ts'

vi.mock(import('../../src/core/time/delay.ts'), async (original) => {
  const { skipDelays } = await import('../support/skip-delays.ts')
  return skipDelays(await original())
})

const REFUSED = { status: 503, body: { code: 'unavailable' }, cookies: [] }
const READ_ONLY = coded('ERR_STORE_UNAVAILABLE', { message: expect.stringMatching(/readOnly.*primary/) })
/** What a process that may only SELECT must never emit. */
const TROUBLE: readonly EventName[] = [
  'storeUnavailable',
  'confirmationsDropped',
  'keyTrouble',
  'feedPolling',
  'rowsHidden',
]

const url = await createDatabase()
const pool = createPool(url)
const role = `pawl_reads_${randomBytes(4).toString('hex')}`
const roleUrl = new URL(url)
roleUrl.username = role
await pool.query(`create role ${role} login`)
const rolePool = createPool(roleUrl.href)
afterAll(async () => {
  await pool.query(`drop owned by ${role}`)
  await pool.query(`drop role ${role}`)
})
let schemas = 0

type Http = Parameters<typeof openSite>[0]

interface Pair {
  readonly primary: Site
  /** With a role that may only SELECT. */
  readonly reader: Site
  /** The statements of the reader. */
  readonly sent: string[]
  readonly trouble: EventName[]
}

/** An application on the primary, and a process of it that only reads. */
async function openPair(http: Http = {}, options: Partial<SessionsOptions> = {}): Promise<Pair> {
  const schema = `reads_${++schemas}`
  const settings = { revocation: { pollInterval: 0.5 }, ...options }
  const primary = await openSite(http, { ...settings, store: postgres({ pool, schema, listen: false }) })
  await pool.query(`grant usage on schema ${schema} to ${role}`)
  await pool.query(`grant select on all tables in schema ${schema} to ${role}`)
  const sent: string[] = []
  const watched = aroundQueries(rolePool, (config, run) => {
    sent.push(config.text)
    return run()
  })
  const store = postgres({ pool: watched, schema, readOnly: true })
  const reader = await openSite(http, { ...settings, store, now: primary.clock.now })
  const trouble: EventName[] = []
  for (const name of TROUBLE) reader.sessions.on(name, () => trouble.push(name))
  return { primary, reader, sent, trouble }
}

const endpoint =
  (use: (session: Parameters<Handler>[0], sessions: Sessions) => Promise<unknown>, site: Site): Handler =>
  async (session) =>
    Response.json((await use(session, site.sessions)) ?? null)

async function signIn(site: Site): Promise<{ anna: Visitor; id: string; token: string }> {
  const anna = site.visitor()
  await anna.login({ userId: 'anna' })
  const id = (await site.sessions.list('anna'))[0]!.sessionId
  return { anna, id, token: anna.jar.get('__Host-pawl-access')! }
}

describe('a process that only reads', () => {
  it('verifies, checks, gets and lists', async () => {
    const { primary, reader } = await openPair()
    const { anna, id, token } = await signIn(primary)
    expect(await reader.visitor(anna.jar).me()).toMatchObject({ status: 200, cookies: [] })
    expect((await reader.sessions.check(token)).userId).toBe('anna')
    expect(await reader.sessions.get(id)).toMatchObject({ active: true })
    expect(await reader.sessions.list('anna')).toHaveLength(1)
    expect(reader.sessions.keys.jwks()).toEqual(primary.sessions.keys.jwks())
  })

  it.each<[string, (visitor: Visitor, site: Site, info: VisitOptions) => Promise<unknown>]>([
    ['a login', (anna) => anna.login()],
    ['a refresh', (anna) => anna.refresh()],
    ['a logout', (anna) => anna.logout()],
    ['the device route', (anna) => anna.visit('POST', '/session/device')],
    [
      'revoke of a request',
      (anna, site, given) =>
        anna.visit('POST', '/x', { ...given, handler: endpoint((s) => s.revoke(), site) }),
    ],
    [
      'revokeOthers',
      (anna, site, given) =>
        anna.visit('POST', '/x', { ...given, handler: endpoint((s) => s.revokeOthers(), site) }),
    ],
    [
      'setClaims',
      (anna, site, given) =>
        anna.visit('POST', '/x', { ...given, handler: endpoint((s) => s.setClaims({ a: 1 }), site) }),
    ],
    [
      'setClaims with renewal',
      (anna, site, given) =>
        anna.visit('POST', '/x', {
          ...given,
          handler: endpoint((s) => s.setClaims({ a: 1 }, { renew: true }), site),
        }),
    ],
    [
      'reauthenticate',
      (anna, site, given) =>
        anna.visit('POST', '/x', { ...given, handler: endpoint((s) => s.reauthenticate(), site) }),
    ],
    [
      'actAs',
      (anna, site, given) =>
        anna.visit('POST', '/x', { ...given, handler: endpoint((s) => s.actAs({ userId: 'b' }), site) }),
    ],
    [
      'setData',
      (anna, site, given) =>
        anna.visit('POST', '/x', { ...given, handler: endpoint((s) => s.setData({ a: 1 }), site) }),
    ],
  ])('answers 503 to %s without a statement, and keeps the cookies', async (_, act) => {
    const { primary, reader, sent, trouble } = await openPair()
    const { anna } = await signIn(primary)
    const cookies = anna.jar.names
    sent.length = 0
    const answer = await act(reader.visitor(anna.jar), reader, { info: { required: true } })
    expect(answer).toMatchObject(REFUSED)
    expect((answer as { headers: Headers }).headers.get('retry-after')).toBe('5')
    expect(sent.filter((text) => !/invalidated_at >=|signing_keys/.test(text))).toEqual([])
    expect(trouble).toEqual([])
    expect(anna.jar.names).toEqual(cookies)
    expect((await anna.refresh()).status).toBe(200)
  })

  it('answers 503 to the logout of a visitor whose cookies name no session', async () => {
    const { reader } = await openPair()
    const stranger = reader.visitor()
    stranger.jar.put('__Host-pawl-access', 'garbage')
    stranger.jar.put('__Secure-pawl-refresh', 'garbage', '/session')
    expect(await stranger.logout()).toMatchObject(REFUSED)
    expect(await stranger.refresh()).toMatchObject(REFUSED)
  })

  it('refuses every call that writes with one sentence', async () => {
    const { primary, reader } = await openPair()
    const { id } = await signIn(primary)
    const { sessions } = reader
    const calls: (() => Promise<unknown>)[] = [
      () => sessions.create({ userId: 'u' }),
      () => sessions.refresh('x'),
      () => sessions.revoke(id),
      () => sessions.revoke('nonsense'),
      () => sessions.revokeUser('nobody'),
      () => sessions.revokeAll(),
      () => sessions.deleteUser('nobody'),
      () => sessions.expireAccessTokens({ userId: 'nobody' }),
      () => sessions.setClaims({ userId: 'nobody' }, {}),
      () => sessions.setData(id, 1),
      () => sessions.patchData(id, { a: 1 }),
      () => sessions.renew(id),
      () => sessions.reauthenticate(id),
      () => sessions.prune(),
      () => sessions.keys.rotate(),
      () => sessions.using(rolePool).revoke(id),
    ]
    for (const call of calls) await expect(call(), String(call)).rejects.toThrow(READ_ONLY as Error)
    expect(await sessions.using(rolePool).get(id)).toMatchObject({ active: true })
  })

  it('sends only SELECT, also in the background, and reports no trouble', async () => {
    const { primary, reader, sent, trouble } = await openPair()
    const { anna, id, token } = await signIn(primary)
    await anna.refresh()
    // The first use of a new access token confirms it, and a known end is repeated, in a process that writes.
    await reader.visitor(anna.jar).me()
    await reader.sessions.flush()
    await primary.sessions.revoke(id)
    await vi.waitFor(() => expect(() => reader.sessions.verify(token)).toThrow(), { timeout: 5000 })
    await expect(reader.sessions.check(token)).rejects.toThrow(coded('ERR_SESSION_ENDED') as Error)
    await reader.sessions.close()
    // Three of the start, and at least one poll.
    expect(sent.length).toBeGreaterThan(3)
    expect(sent.filter((text) => !text.startsWith('select'))).toEqual([])
    expect(trouble).toEqual([])
  })

  it('refuses a session that another process has ended, within pollInterval', async () => {
    const { primary, reader } = await openPair()
    const { anna, id, token } = await signIn(primary)
    const visitor = reader.visitor(anna.jar)
    expect((await visitor.me()).status).toBe(200)
    await primary.sessions.revoke(id)
    await vi.waitFor(() => expect(() => reader.sessions.verify(token)).toThrow(), { timeout: 5000 })
    expect(await visitor.me()).toMatchObject({ status: 401, body: { code: 'session_ended' }, cookies: [] })
  })

  it('follows the keys that another process makes', async () => {
    const { primary, reader, sent } = await openPair()
    await primary.sessions.keys.rotate()
    primary.clock.advance(11 * 60)
    const { token } = await signIn(primary)
    // A token with an unknown key makes the process read the keys.
    await vi.waitFor(() => expect(reader.sessions.verify(token).userId).toBe('anna'), { timeout: 5000 })
    expect(reader.sessions.keys.list()).toHaveLength(2)
    expect(sent.some((text) => /^(?:insert|update)/.test(text))).toBe(false)
  })
})

describe('a row that the replica has not received', () => {
  it('makes check answer 503 instead of 401, and an ended one 401', async () => {
    const { primary, reader, trouble } = await openPair({}, { revocation: { mode: 'lookup' } })
    const { anna, id } = await signIn(primary)
    const visitor = reader.visitor(anna.jar)
    const { schema } = { schema: `reads_${schemas}` }
    await pool.query(`create table ${schema}.late as select * from ${schema}.sessions`)
    await pool.query(`delete from ${schema}.sessions`)
    const late = await visitor.me()
    expect(late).toMatchObject(REFUSED)
    expect(late.headers.get('retry-after')).toBe('5')
    expect(await visitor.refresh()).toMatchObject(REFUSED)
    await pool.query(`insert into ${schema}.sessions select * from ${schema}.late`)
    expect((await visitor.me()).status).toBe(200)
    await primary.sessions.revoke(id)
    expect(await visitor.me()).toMatchObject({ status: 401, cookies: [] })
    expect(trouble).toEqual([])
  })

  it('makes check accept a token that is newer than the row, although that has expired', async () => {
    const { primary, reader } = await openPair({}, { absoluteTimeout: 3600 })
    const { anna, id } = await signIn(primary)
    const schema = `reads_${schemas}`
    await pool.query(`create table ${schema}.late as select * from ${schema}.sessions`)
    primary.clock.advance(3000)
    await anna.refresh()
    await anna.visit('POST', '/x', {
      info: { required: true },
      handler: endpoint((session) => session.reauthenticate(), primary),
    })
    await anna.refresh()
    primary.clock.advance(700)
    await anna.refresh()
    const token = anna.jar.get('__Host-pawl-access')!
    await pool.query(`delete from ${schema}.sessions`)
    await pool.query(`insert into ${schema}.sessions select * from ${schema}.late`)
    expect((await reader.sessions.check(token)).sessionId).toBe(id)
    await pool.query(`update ${schema}.sessions set ended_at = now(), end_reason = 'revoked'`)
    await expect(reader.sessions.check(token)).rejects.toThrow(coded('ERR_SESSION_ENDED') as Error)
  })

  it('makes check of an acting session answer 503', async () => {
    const { primary, reader } = await openPair()
    const { anna } = await signIn(primary)
    await anna.visit('POST', '/x', {
      info: { required: true },
      handler: endpoint((session) => session.actAs({ userId: 'berta' }), primary),
    })
    const token = anna.jar.get('__Host-pawl-access')!
    expect((await reader.sessions.check(token)).actor?.userId).toBe('anna')
    await pool.query(`delete from reads_${schemas}.sessions where user_id = 'berta'`)
    await expect(reader.sessions.check(token)).rejects.toThrow(coded('ERR_STORE_UNAVAILABLE') as Error)
  })
})

describe('an expired access token at a process that only reads', () => {
  const page: VisitOptions = { info: { optional: true }, handler: () => new Response('a page') }

  it.each<Http>([{}, { refresh: 'inline' }, { csrf: 'token' }])(
    'sends a page load to the refresh route, which another process answers: %j',
    async (http) => {
      const { primary, reader, trouble } = await openPair(http)
      const { anna } = await signIn(primary)
      primary.clock.advance(3600)
      const visitor = reader.visitor(anna.jar)
      for (const options of [{}, page]) {
        const sent = await visitor.navigate('/page', options)
        expect([sent.status, sent.headers.get('location')]).toEqual([303, '/session/refresh?to=%2Fpage'])
      }
      const misrouted = await visitor.navigate('/session/refresh?to=%2Fpage')
      expect([misrouted.status, misrouted.headers.get('retry-after'), misrouted.cookies]).toEqual([
        503,
        '5',
        [],
      ])
      expect(codeInPage(misrouted)).toBe('unavailable')
      const back = await anna.navigate('/session/refresh?to=%2Fpage')
      expect(back.status).toBe(303)
      const target = back.headers.get('location')!
      for (const options of [{}, page]) {
        const marked = await visitor.navigate(target, options)
        expect([marked.status, marked.headers.get('location')]).toEqual([303, '/page'])
        expect((await visitor.navigate('/page', options)).status).toBe(200)
      }
      expect(trouble).toEqual([])
    },
  )

  it.each<Http>([{}, { refresh: 'inline' }])(
    'tells a script to refresh, and answers 503 if that comes here: %j',
    async (http) => {
      const { primary, reader } = await openPair(http)
      const { anna } = await signIn(primary)
      primary.clock.advance(3600)
      const visitor = reader.visitor(anna.jar)
      const expired = { status: 401, body: { code: 'access_token_expired', refresh: true }, cookies: [] }
      expect(await visitor.me()).toMatchObject(expired)
      expect(await visitor.visit('GET', '/x', page)).toMatchObject(expired)
      expect(await visitor.refresh()).toMatchObject(REFUSED)
      expect((await anna.refresh()).status).toBe(200)
      expect(await visitor.visit('GET', '/me', { info: { required: true }, handler: me })).toMatchObject({
        status: 200,
      })
    },
  )
})

describe('the start of a process that only reads', () => {
  const start = (options: PostgresOptions): Promise<unknown> =>
    createSessions({ store: postgres(options), secret: SECRET, logger: silentLogger })

  it('refuses options that write or listen', () => {
    const given = { pool, readOnly: true }
    for (const listen of [true, url, { host: 'db' }])
      expect(() => postgres({ ...given, listen })).toThrow(/`listen`.*`readOnly`/)
    expect(() => postgres({ ...given, migrate: true })).toThrow(/`migrate`.*`readOnly`/)
    expect(postgres({ ...given, migrate: false, listen: false }).readOnly).toBe(true)
  })

  it('fails without tables or without a key, and makes neither', async () => {
    const schema = `reads_${++schemas}`
    await expect(start({ pool, schema, readOnly: true })).rejects.toThrow(
      coded('ERR_SCHEMA_OUTDATED') as Error,
    )
    await postgres({ pool, schema, listen: false }).migrate()
    await expect(start({ pool, schema, readOnly: true })).rejects.toThrow(/no signing key.*primary first/)
    expect((await pool.query(`select * from ${schema}.signing_keys`)).rowCount).toBe(0)
    await expect(postgres({ pool, schema, readOnly: true }).migrate()).rejects.toThrow(READ_ONLY as Error)
  })

  it('names only the right to read that a role lacks', async () => {
    const schema = `reads_${++schemas}`
    await openSessions({ store: postgres({ pool, schema, listen: false }) })
    const lacks = start({ pool: rolePool, schema, readOnly: true })
    await expect(lacks).rejects.toThrow(new RegExp(`grant select on "${schema}"."sessions" to`))
    await expect(lacks).rejects.not.toThrow(/insert|update|create/)
  })
})
