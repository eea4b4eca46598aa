import { describe, expect, it } from 'vitest'
import { ENGINE } from '../../src/core/engine.ts'
import { startActing } from '../../src/core/operations/acting.ts'
import type { Sessions, SessionsOptions, Store } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { auditOf } from '../support/audit.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { recording } from '../support/pools.ts'
import { openSessions } from '../support/sessions.ts'

const DAY = 24 * 3600
const FROM = { ip: '192.0.2.1', userAgent: 'Browser' }

const url = await createDatabase()
const pool = createPool(url).setMaxListeners(50)
let schemas = 0

interface Opened {
  readonly sessions: Sessions
  readonly store: Store
  readonly clock: FakeClock
  readonly schema: string
  readonly statements: string[]
  /** What the audit says of a session, or of all. */
  audit(sessionId?: string): Promise<string[]>
  login(userId?: string, more?: object): Promise<string>
}

async function open(options: Partial<SessionsOptions> = {}): Promise<Opened> {
  const schema = `ends_${++schemas}`
  const clock = createFakeClock()
  const { pool: recorded, statements } = recording(pool)
  const store = postgres({ pool: recorded, schema, audit: true, listen: false })
  const sessions = await openSessions({ store, now: clock.now, revocation: { pollInterval: 60 }, ...options })
  return {
    sessions,
    store,
    clock,
    schema,
    statements,
    audit: (sessionId) => auditOf(pool, schema, sessionId),
    async login(userId = 'u', more = {}) {
      return (await sessions.create({ userId, ...FROM, ...more })).session.sessionId
    },
  }
}

const rowsOf = async (schema: string): Promise<Record<string, unknown>[]> =>
  (await pool.query(`select * from ${schema}.session_audit order by at, kind`)).rows

it('records a sign-in and its end with address, user agent, times and reason', async () => {
  const { sessions, clock, schema, login } = await open()
  const signedInAt = new Date(clock.now())
  const sessionId = await login('anna')
  clock.advance(900)
  await sessions.revoke(sessionId, 'logout')
  const shared = { session_id: sessionId, user_id: 'anna', ip: '192.0.2.1', user_agent: 'Browser' }
  const none = { actor_user_id: null, presenter_ip: null, presenter_user_agent: null }
  expect(await rowsOf(schema)).toStrictEqual([
    {
      ...{ ...shared, ...none, at: signedInAt, kind: 'created', reason: null },
      ...{ signed_in_at: null, last_seen_at: null },
    },
    {
      ...{ ...shared, ...none, at: new Date(clock.now()), kind: 'ended', reason: 'logout' },
      ...{ signed_in_at: signedInAt, last_seen_at: signedInAt },
    },
  ])
})

describe('one record for a session that', () => {
  it('is revoked twice', async () => {
    const { sessions, audit, login } = await open()
    const sessionId = await login()
    expect(await sessions.revoke(sessionId)).toBe(true)
    expect(await sessions.revoke(sessionId)).toBe(false)
    expect(await audit()).toStrictEqual(['created', 'ended revoked'])
  })

  it('ends with all others of its user, all but one', async () => {
    const { sessions, audit, login } = await open()
    const kept = await login()
    const ended = [await login(), await login()]
    expect(await sessions.revokeUser('u', { except: kept })).toBe(2)
    expect(await audit(kept)).toStrictEqual(['created'])
    for (const id of ended) expect(await audit(id)).toStrictEqual(['created', 'ended revoked'])
  })

  it('ends with all others of the installation', async () => {
    const { sessions, audit, login } = await open()
    for (const userId of ['a', 'b', 'c']) await login(userId)
    expect(await sessions.revokeAll()).toBe(3)
    expect((await audit()).filter((line) => line === 'ended revoked')).toHaveLength(3)
  })

  it('is evicted by the session limit', async () => {
    const { audit, clock, login } = await open({ limits: { sessionsPerUser: 1 } })
    const first = await login()
    clock.advance(1)
    const second = await login()
    expect([await audit(first), await audit(second)]).toStrictEqual([['created', 'ended limit'], ['created']])
  })

  it('is refused by the session limit', async () => {
    const { audit, login } = await open({ limits: { sessionsPerUser: 1, onSessionLimit: 'reject' } })
    const first = await login()
    await expect(login()).rejects.toMatchObject({ code: 'ERR_SESSION_LIMIT' })
    expect(await audit(first)).toStrictEqual(['created'])
    expect((await audit()).toSorted()).toStrictEqual(['created', 'created', 'ended limit'])
  })

  it('is replaced at a login, or at one whose browser has lost its key', async () => {
    const { audit, login } = await open()
    const [first, second] = [await login(), await login()]
    await login('u', { replaces: [first, second], unproven: [second] })
    expect(await audit(first)).toStrictEqual(['created', 'ended replaced'])
    expect(await audit(second)).toStrictEqual(['created', 'ended device'])
  })

  it('has no device key although it must', async () => {
    const { sessions, store, clock, audit } = await open({ deviceBinding: 'require' })
    const { session, refreshToken } = await sessions.create({ userId: 'u' })
    clock.advance(3600)
    await expect(sessions.refresh(refreshToken.value)).rejects.toMatchObject({ reason: 'device' })
    expect(await audit(session.sessionId)).toStrictEqual(['created', 'ended device'])
    expect((await store.read(session.sessionId))!.endReason).toBe('device')
  })

  it('loses its claims: `refreshClaims` returns null', async () => {
    let claims: object | null = {}
    const { sessions, audit } = await open({ refreshClaims: () => claims as never })
    const { session, refreshToken } = await sessions.create({ userId: 'u' })
    claims = null
    await expect(sessions.refresh(refreshToken.value)).rejects.toMatchObject({ reason: 'revoked' })
    expect(await audit(session.sessionId)).toStrictEqual(['created', 'ended revoked'])
  })

  it('ends with its parent', async () => {
    const { sessions, audit, login } = await open()
    const parent = await login()
    const origin = 'https://shop.example.com'
    const { code } = await sessions.handoff(parent, { origin })
    const child = await sessions.redeem(code, { origin, ...FROM })
    await sessions.revoke(parent)
    await expect(sessions.refresh(child.refreshToken.value)).rejects.toMatchObject({ reason: 'revoked' })
    expect(await audit(child.session.sessionId)).toStrictEqual(['created', 'ended revoked'])
  })

  it('is an acting session, with who acts', async () => {
    const { sessions, schema, clock, login, audit } = await open()
    const now = clock.now()
    const administrator = { sessionId: await login('admin'), version: 0, authTime: now }
    const { row } = await startActing(
      (sessions as Sessions)[ENGINE],
      { ...administrator, expiresAt: now + 60_000, canContinue: true, ...FROM },
      { userId: 'ben' },
    )
    await sessions.revoke(row.id)
    expect(await audit(row.id)).toStrictEqual(['created', 'ended revoked'])
    const acting = { session_id: row.id, user_id: 'ben', actor_user_id: 'admin', ip: FROM.ip }
    expect((await rowsOf(schema)).filter((record) => record['session_id'] === row.id)).toMatchObject([
      acting,
      acting,
    ])
  })

  it('expires, when its row is deleted', async () => {
    const { sessions, schema, clock, login, statements } = await open({
      idleTimeout: 7 * DAY,
      absoluteTimeout: 30 * DAY,
    })
    const idle = await login('idle')
    const absolute = await login('absolute', { absoluteTimeout: 2 * DAY })
    const revoked = await login('revoked')
    const from = clock.now()
    await sessions.revoke(revoked)
    clock.advance(60 * DAY)
    statements.length = 0
    expect(await sessions.prune()).toBe(3)
    // One for the sessions, and one for the retention of the audit.
    expect(statements.filter((word) => word === 'with')).toHaveLength(2)
    expect(await sessions.prune()).toBe(0)
    const ends = (await rowsOf(schema)).filter(({ kind }) => kind === 'ended')
    expect(ends.map((row) => [row['session_id'], row['reason'], Number(row['at']) - from])).toStrictEqual([
      [revoked, 'revoked', 0],
      [absolute, 'absolute', 2 * DAY * 1000],
      [idle, 'idle', 7 * DAY * 1000],
    ])
  })

  it('has been ended already, or whose end the database has lost with its record', async () => {
    const { store, schema, clock, login, audit } = await open()
    const [lost, known] = [await login(), await login()]
    const at = clock.now()
    const ending = { reason: 'logout', at, pruneAt: at } as const
    await store.end(lost, ending)
    await store.end(known, ending)
    const again = { ...ending, at: at + 1000 }
    expect(await store.endAgain([lost, known], again)).toStrictEqual([])
    await pool.query(`update ${schema}.sessions set ended_at = null, end_reason = null where id = $1`, [lost])
    await pool.query(`delete from ${schema}.session_audit where session_id = $1 and kind = 'ended'`, [lost])
    expect(await store.endAgain([lost, known], again)).toStrictEqual([lost])
    for (const id of [lost, known]) expect(await audit(id)).toStrictEqual(['created', 'ended logout'])
  })

  it('another program ended, or a process without the option: when its row is deleted', async () => {
    const { sessions, schema, clock, login } = await open()
    const [bySql, byProcess] = [await login(), await login()]
    await pool.query(
      `update ${schema}.sessions set ended_at = $2::timestamptz + interval '1.0005 s', end_reason = 'device_lost',
         prune_on = '2030-01-09' where id = $1`,
      [bySql, new Date(clock.now())],
    )
    const plain = await openSessions({ store: postgres({ pool, schema, listen: false }), now: clock.now })
    await plain.revoke(byProcess)
    await login('erased')
    await plain.deleteUser('erased')
    expect((await rowsOf(schema)).filter(({ kind }) => kind === 'ended')).toStrictEqual([])
    clock.advance(60 * DAY)
    await sessions.prune()
    const ends = (await rowsOf(schema)).filter(({ kind }) => kind === 'ended')
    expect(ends.map((row) => [row['session_id'], row['reason']])).toStrictEqual([
      [byProcess, 'revoked'],
      [bySql, 'device_lost'],
    ])
    expect((ends[1]!['at'] as Date).getTime() - (ends[0]!['at'] as Date).getTime()).toBe(1000)
  })
})

describe('a detected reuse', () => {
  it('is recorded with both sides', async () => {
    const { sessions, schema, clock } = await open()
    const { session, refreshToken } = await sessions.create({ userId: 'u', ...FROM })
    const child = await sessions.refresh(refreshToken.value, FROM)
    sessions.verify(child.accessToken.value, FROM)
    await sessions.flush()
    clock.advance(900)
    const thief = { ip: '2001:db8::9', userAgent: 'curl/8' }
    await expect(sessions.refresh(refreshToken.value, thief)).rejects.toMatchObject({
      code: 'ERR_REFRESH_TOKEN_REUSED',
    })
    const ends = (await rowsOf(schema)).filter(({ kind }) => kind === 'ended')
    expect(ends).toMatchObject([
      {
        ...{ session_id: session.sessionId, reason: 'reuse', ip: FROM.ip, user_agent: FROM.userAgent },
        ...{ presenter_ip: thief.ip, presenter_user_agent: thief.userAgent },
      },
    ])
  })
})

describe('deleteUser', () => {
  it('ends the sessions of the user and erases every trace from the audit', async () => {
    const { sessions, schema, login, audit } = await open()
    await login('gone')
    await login('gone')
    await login('stays')
    // An acting session has the address and the user agent of the administrator.
    await pool.query(`update ${schema}.session_audit set actor_user_id = 'gone' where user_id = 'stays'`)
    expect(await sessions.deleteUser('gone')).toBe(2)
    expect(await audit()).toStrictEqual(['created'])
    expect(await rowsOf(schema)).toMatchObject([
      { user_id: 'stays', actor_user_id: '', ip: null, user_agent: null },
    ])
  })

  it('erases in batches, also without the option', async () => {
    const { schema, login } = await open()
    await login('gone')
    await pool.query(
      `insert into ${schema}.session_audit (at, session_id, kind, user_id)
       select now() - n * interval '1 s', gen_random_uuid(), 'created', 'gone' from generate_series(1, 1200) n`,
    )
    const plain = await openSessions({ store: postgres({ pool, schema, listen: false }) })
    await plain.deleteUser('gone')
    expect(await rowsOf(schema)).toStrictEqual([])
  })

  it('erases all rows, also while another process deletes some of them', async () => {
    const { sessions, schema } = await open()
    await pool.query(
      `insert into ${schema}.session_audit (at, session_id, kind, user_id)
       select now() - n * interval '1 s', gen_random_uuid(), 'created', 'gone' from generate_series(1, 1200) n`,
    )
    const other = await pool.connect()
    const pid = (await other.query('select pg_backend_pid() as pid')).rows[0].pid
    await other.query('begin')
    await other.query(
      `delete from ${schema}.session_audit where at = (select min(at) from ${schema}.session_audit)`,
    )
    const deleted = sessions.deleteUser('gone')
    const isWaiting = async (): Promise<boolean> =>
      (await pool.query('select from pg_stat_activity where $1 = any(pg_blocking_pids(pid))', [pid]))
        .rowCount === 1
    while (!(await isWaiting()));
    await other.query('commit')
    other.release()
    await deleted
    expect(await rowsOf(schema)).toStrictEqual([])
  })
})

it('without the option nothing is recorded, and no call sends more than the end of a user', async () => {
  const schema = 'plain'
  const { pool: recorded, statements } = recording(pool)
  const store = postgres({ pool: recorded, schema, listen: false })
  const sessions = await openSessions({ store, revocation: { pollInterval: 60 } })
  statements.length = 0
  await sessions.create({ userId: 'u', ...FROM })
  expect(statements).toStrictEqual(['insert'])
  await sessions.deleteUser('u')
  expect(statements).not.toContain('delete')
  expect(await rowsOf(schema)).toStrictEqual([])
})
