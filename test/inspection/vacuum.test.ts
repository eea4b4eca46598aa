import { expect, it, onTestFinished, vi } from 'vitest'
import { postgres, type StoreStatus } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { multiply } from '../support/multiply.ts'
import { openSessions } from '../support/sessions.ts'

const pool = createPool(await createDatabase())
const store = postgres({ pool, listen: false })
await store.migrate()

const vacuum = async (): Promise<NonNullable<StoreStatus['vacuum']>> =>
  (await store.inspect!.status()).vacuum!

it('tells the size of the rows, and when autovacuum starts', async () => {
  expect(await vacuum()).toMatchObject({
    enabled: true,
    threshold: 50,
    running: false,
    rowBytes: null,
    heapBytes: 0,
  })
  const sessions = await openSessions({ store: postgres({ pool, listen: false }) })
  await sessions.create({ userId: 'anna' })
  await pool.query(
    'alter table pawl.sessions set (autovacuum_enabled = false, autovacuum_vacuum_scale_factor = 0.5)',
  )
  await multiply(pool, 'pawl', 9999)
  await pool.query('vacuum analyze pawl.sessions')
  const { enabled, threshold, heapBytes, rowBytes } = await vacuum()
  expect({ enabled, threshold }).toStrictEqual({ enabled: false, threshold: 5050 })
  // What the planner takes for the size is close to that of the pages, which are filled by nine tenths.
  expect((10_000 * rowBytes!) / heapBytes).toBeGreaterThan(0.7)
  expect((10_000 * rowBytes!) / heapBytes).toBeLessThan(1.1)
})

it.each([
  ['has a snapshot', 'begin isolation level repeatable read', 'select from pawl.sessions limit 1'],
  ['has written, and waits for its client', 'begin', "update pawl.sessions set user_id = 'eve'"],
])('names the transaction that is open for the longest time: one that %s', async (_, begin, statement) => {
  const client = await createPool((pool.options as { connectionString: string }).connectionString, {
    application_name: 'a report',
  }).connect()
  onTestFinished(() => client.release(true))
  await client.query(begin)
  await client.query(statement)
  const [{ pid, at }] = (
    await client.query('select pg_backend_pid()::text as pid, extract(epoch from now())::float8 * 1000 as at')
  ).rows
  // While another test file has an older write open, the snapshots of the status itself hold back VACUUM for longer.
  const horizon = await vi.waitFor(
    async () => {
      const { horizon } = await vacuum()
      expect(horizon).toMatchObject({ kind: 'transaction', name: pid, application: 'a report' })
      return horizon
    },
    { timeout: 10_000 },
  )
  expect(Math.abs(horizon!.since!.getTime() - at)).toBeLessThan(2)
})
