import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { openSessions } from '../support/sessions.ts'
import { until } from './until.ts'

const url = await createDatabase()
const admin = createPool(url, { max: 3 })
/** A statement times out after 10 s. */
const ANSWERED_WITHIN = 11_500

/** So long that no poll runs while the pool is full. */
const QUIET = { revocation: { pollInterval: 60 } }

function poolOf(max: number, config: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max, ...config })
  pool.on('error', () => {})
  onTestFinished(() => pool.end())
  return pool
}

async function failure(work: Promise<unknown>): Promise<{ code: string; message: string; took: number }> {
  const startedAt = performance.now()
  const error = await work.then(
    () => expect.unreachable('the call must fail'),
    (thrown: Error & { code: string }) => thrown,
  )
  return { code: error.code, message: error.message, took: performance.now() - startedAt }
}

/** Locks the row of a session. @returns a function that releases the lock */
async function lockRow(sessionId: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  onTestFinished(() => client.end())
  await client.query('begin')
  await client.query('select from pawl.sessions where id = $1 for update', [sessionId])
  return async () => void (await client.query('rollback'))
}

it.each([
  { behavior: 'waits forever', config: {} },
  { behavior: 'waits 2 s for a connection', config: { connectionTimeoutMillis: 2000 } },
])('an exhausted pool that $behavior is named in the error, and verification goes on', async ({ config }) => {
  const pool = poolOf(1, config)
  const sessions = await openSessions({ store: postgres({ pool: pool as never, listen: false }), ...QUIET })
  const { accessToken, refreshToken } = await sessions.create({ userId: 'u' })
  const held = await pool.connect()
  let release = (): void => held.release()
  onTestFinished(() => release())
  const refreshing = failure(sessions.refresh(refreshToken.value))
  expect(sessions.verify(accessToken.value).userId).toBe('u')
  const { code, message, took } = await refreshing
  expect(code).toBe('ERR_STORE_UNAVAILABLE')
  expect(message).toContain('all 1 connections of the pool are in use')
  expect(took).toBeLessThan(ANSWERED_WITHIN)
  expect(sessions.verify(accessToken.value).userId).toBe('u')
  release()
  release = () => {}
  expect((await sessions.refresh(refreshToken.value)).session.active).toBe(true)
})

it('a locked row blocks its own session, and no other user of the pool', async () => {
  const pool = poolOf(2)
  const sessions = await openSessions({ store: postgres({ pool: pool as never, listen: false }), ...QUIET })
  const stuck = await sessions.create({ userId: 'stuck' })
  const other = await sessions.create({ userId: 'other' })
  const unlock = await lockRow(stuck.session.sessionId)
  const revoking = [1, 2].map(() => failure(sessions.revoke(stuck.session.sessionId)))
  for (const { code, message, took } of await Promise.all(revoking)) {
    expect(code).toBe('ERR_STORE_UNAVAILABLE')
    expect(message).toContain('did not answer within 10 s')
    expect(took).toBeLessThan(ANSWERED_WITHIN)
  }
  expect(sessions.verify(stuck.accessToken.value).userId).toBe('stuck')
  // The row is still locked, and both connections were waiting for it.
  await until('another session gets a connection', 3000, () =>
    sessions.refresh(other.refreshToken.value).then(
      () => true,
      () => false,
    ),
  )
  await unlock()
  await sessions.revoke(stuck.session.sessionId)
  expect(await sessions.get(stuck.session.sessionId)).toMatchObject({ active: false })
})

it('a statement that the server cancels is an outage', async () => {
  const pool = poolOf(2, { options: '-c statement_timeout=300' })
  const sessions = await openSessions({ store: postgres({ pool: pool as never, listen: false }), ...QUIET })
  const { session } = await sessions.create({ userId: 'u' })
  const unlock = await lockRow(session.sessionId)
  const { code, took } = await failure(sessions.revoke(session.sessionId))
  expect(code).toBe('ERR_STORE_UNAVAILABLE')
  expect(took).toBeLessThan(5000)
  await unlock()
  expect(await sessions.revoke(session.sessionId)).toBe(true)
})

it('terminated backends end no session', async () => {
  const sessions = await openSessions({
    store: postgres({ connectionString: url, maxConnections: 4 }),
    // In the calm after a turn, every refresh presents the same token.
    limits: { refreshesPerMinute: null },
  })
  let failed = 0
  let done = 0
  let working = true
  const work = Array.from({ length: 6 }, async () => {
    let { refreshToken, accessToken } = await sessions.create({ userId: 'u' })
    while (working) {
      try {
        const refreshed = await sessions.refresh(refreshToken.value)
        refreshToken = refreshed.refreshToken ?? refreshToken
        accessToken = refreshed.accessToken
        sessions.verify(accessToken.value)
        done++
      } catch (error) {
        expect(error).toEqual(coded('ERR_STORE_UNAVAILABLE'))
        failed++
      }
    }
    return sessions.refresh(refreshToken.value)
  })
  for (let round = 0; round < 30; round++) {
    await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'pawl' and datname = current_database()`)
    const before = done
    await until('further refreshes succeed', 5000, () => done > before + 5)
  }
  working = false
  for (const { session } of await Promise.all(work)) expect(session.active).toBe(true)
  // The retries hide nearly all failures. Without them, four statements fail in most rounds.
  expect(failed).toBeLessThan(60)
})

it('a connection to a former primary is replaced', async () => {
  // After a failover an old connection is read-only. Only a new connection reaches the new primary.
  const pool = poolOf(2)
  const sessions = await openSessions({ store: postgres({ pool: pool as never, listen: false }), ...QUIET })
  const { session } = await sessions.create({ userId: 'u' })
  const clients = await Promise.all([pool.connect(), pool.connect()])
  for (const client of clients) await client.query('set default_transaction_read_only = on')
  for (const client of clients) client.release()
  expect(await sessions.revoke(session.sessionId)).toBe(true)
})
