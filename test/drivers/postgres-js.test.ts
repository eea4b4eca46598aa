import openClient, { camel, type Options, type Sql } from 'postgres'
import { afterAll, expect, it, onTestFinished } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { openSessions } from '../support/sessions.ts'
import { describeDriver } from './describe-driver.ts'

const url = await createDatabase()
const pool = createPool(url)
const sql = openClient(url, { max: 10 })
afterAll(() => sql.end())

function open(options: Options<Record<string, never>> = {}): Sql {
  const client = openClient(url, options)
  onTestFinished(() => client.end({ timeout: 0 }))
  return client as Sql
}

describeDriver('postgres.js', {
  options: { sql },
  listens: true,
  rolledBack: async (work) => {
    const undone = new Error('rolled back by the test')
    await sql
      .begin(async (transaction) => {
        await work(transaction)
        throw undone
      })
      .catch((error: unknown) => expect(error).toBe(undone))
  },
})

it('reads the same rows through a client that renames columns, parses types anew and prepares nothing', async () => {
  const changed = open({
    transform: { ...camel, undefined: null },
    prepare: false,
    types: {
      json: { to: 114, from: [114, 3802], serialize: () => '{}', parse: () => 'changed' },
      big: { to: 20, from: [20], serialize: String, parse: BigInt },
    } as never,
  })
  const sessions = await openSessions({ store: postgres({ sql: changed, listen: false }) })
  const login = await sessions.create({ userId: 'u', data: { a_b: 1 } })
  const next = await sessions.refresh(login.refreshToken.value)
  expect(next.session).toMatchObject({ userId: 'u', data: { a_b: 1 }, createdAt: login.session.createdAt })
})

it('names the server in an outage, and works again after it', async () => {
  const sessions = await openSessions({ store: postgres({ sql: open(), listen: false }) })
  const { refreshToken } = await sessions.create({ userId: 'u' })
  await pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name = 'postgres.js' and datname = current_database()`,
  )
  expect((await sessions.refresh(refreshToken.value)).session.userId).toBe('u')
  const away = postgres({ sql: openClient('postgres://127.0.0.1:1/none', { max: 1 }), listen: false })
  const error = await away.start().catch((thrown: unknown) => thrown)
  expect(error).toEqual(coded('ERR_STORE_UNAVAILABLE'))
  expect(String(error)).toContain('PostgreSQL at 127.0.0.1:1/none (connection refused: connect ECONNREFUSED')
})

it('notices that postgres.js has connected LISTEN again, so that a full poll follows', async () => {
  let connections = 0
  const listener = postgres({ sql: open() }).listen!({
    onChange() {},
    onForeign() {},
    onConnected: () => void connections++,
  })!
  onTestFinished(() => listener.close())
  await expect.poll(() => connections, { timeout: 5000 }).toBe(1)
  await pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name = 'postgres.js' and query like 'listen%' and datname = current_database()`,
  )
  await expect.poll(() => connections, { timeout: 10_000 }).toBe(2)
  expect(await listener.ping(1000)).toBe(true)
})

it('frees the connection of a statement that nobody waits for any more', async () => {
  const store = postgres({ sql: open({ max: 1 }), schema: 'stuck', listen: false })
  await store.start()
  const blocker = await pool.connect()
  await blocker.query('begin; lock table stuck.signing_keys in access exclusive mode')
  const waiting = async (): Promise<number> =>
    (
      await pool.query(
        `select from pg_stat_activity
         where wait_event_type = 'Lock' and query like '%signing_keys%' and datname = current_database()`,
      )
    ).rows.length
  const refused = store.keys().catch((error: unknown) => error)
  await expect.poll(waiting).toBe(1)
  expect(await refused).toEqual(coded('ERR_STORE_UNAVAILABLE'))
  await expect.poll(waiting, { timeout: 5000 }).toBe(0)
  await blocker.query('rollback')
  blocker.release()
  expect(await store.time()).not.toBeNull()
})

it('refuses a client that changes rows, a transaction, and a pool, in words', () => {
  const refusal = (options: object): string => {
    try {
      postgres(options)
    } catch (error) {
      expect(error).toEqual(coded('ERR_INVALID_OPTIONS'))
      return (error as Error).message
    }
    return 'accepted'
  }
  expect(refusal({ sql: open({ transform: { row: { from: (row: unknown) => row } } } as never) })).toBe(
    'option `sql` has a `transform.row`, which changes the rows that Pawl reads. Give Pawl a client of its own, without it.',
  )
  expect(refusal({ pool: sql })).toMatch(
    /^option `pool` got a client of postgres.js, which is for the option `sql`; it takes/,
  )
  expect(refusal({ sql: pool })).toMatch(
    /^option `sql` got a `pg` Pool, which is for the option `pool`; it takes/,
  )
  const bun = Object.assign(() => {}, {
    unsafe() {},
    begin() {},
    reserve() {},
    flush() {},
    options: { adapter: 'postgres' },
  })
  expect(refusal({ sql: bun })).toBe(
    "option `sql` got Bun's SQL, which encodes JSON a second time. In Bun use the package `pg` or postgres.js",
  )
  expect(refusal({ sql: url })).toMatch(/^option `sql` got a string of \d+ characters; it takes/)
  expect(refusal({ sql, pool })).toBe('the options `pool` and `sql` name two databases: give one of them')
})
