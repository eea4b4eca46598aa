import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { hasEstimates } from '../../src/postgres/estimate-rows.ts'
import { postgres, type StoreStatus } from '../../src/postgres/index.ts'
import { createNames } from '../../src/postgres/names.ts'
import { answerLikeCitus, createFakeCitus, type FakeCitus, SHARD_BYTES } from '../support/citus.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { multiply } from '../support/multiply.ts'
import { aroundQueries } from '../support/pools.ts'
import { openSessions } from '../support/sessions.ts'
import { untilTrue } from '../support/until-true.ts'

async function distributed(column = 'id'): Promise<FakeCitus> {
  const citus = await createFakeCitus()
  const sessions = await openSessions({ store: postgres({ pool: citus.pool, listen: false }) })
  await sessions.create({ userId: 'anna' })
  await citus.pool.query(`select create_distributed_table('pawl.sessions', $1)`, [column])
  for (const name of ['signing_keys', 'migrations'])
    await citus.pool.query('select citus_add_local_table_to_metadata($1)', [`pawl.${name}`])
  await multiply(citus.pool, 'pawl', 1000)
  return citus
}

const partsOf = ({ unknown }: StoreStatus): unknown[] => unknown.map(({ part, why }) => [part, why])

describe('the status of a distributed table', () => {
  it('counts sessions instead of taking a placeholder plan for an estimate, and shows the size of the shards', async () => {
    const { pool } = await distributed()
    const status = await postgres({ pool: answerLikeCitus(pool), listen: false }).status()
    expect(status.sessions).toMatchObject({ exact: true, active: 1001, ended: 0 })
    expect(status.table).toStrictEqual({
      bytes: SHARD_BYTES,
      liveRows: null,
      deadRows: null,
      updates: null,
      hotUpdates: null,
      vacuumedAt: null,
    })
    expect(status.layout).toMatchObject({
      engine: 'citus',
      isCoordinator: true,
      tables: { sessions: { placement: 'distributed', column: 'id', shards: 32 } },
    })
    expect(partsOf(status)).toStrictEqual([])
  })

  it('shows the rest while a worker is down, and which parts failed with the words of Citus', async () => {
    const { pool } = await distributed()
    const store = postgres({ pool: answerLikeCitus(pool, () => true), listen: false })
    for (const exact of [false, true]) {
      const status = await store.status({ exact })
      expect(status).toMatchObject({
        sessions: null,
        revocations: null,
        table: null,
        schema: { missing: [] },
      })
      expect(status.keys).toHaveLength(1)
      expect(partsOf(status)).toStrictEqual([
        ['sessions', 'failed'],
        ['revocations', 'failed'],
        ['table', 'failed'],
      ])
      for (const { words } of status.unknown)
        expect(words).toMatch(/^08006: connection to the remote node .* Connection refused$/)
    }
  })
})

describe('a part of the status', () => {
  it('is unknown after three seconds without an answer, and the others are shown', async () => {
    const pool = createPool(await createDatabase())
    await postgres({ pool, listen: false }).migrate()
    let waiting = 0
    let running = 0
    const locked = aroundQueries(pool, async (config, run) => {
      if (/ "pawl"\.(?:sessions|signing_keys)/.test(config.text)) {
        waiting++
        return new Promise(() => {})
      }
      running++
      return run().finally(() => running--)
    })
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const reading = postgres({ pool: locked, listen: false }).status()
    /** Three seconds pass once only the locked statements are left. */
    const pass = async (parts: number): Promise<void> => {
      await untilTrue(() => waiting === parts && running === 0)
      await vi.advanceTimersByTimeAsync(3000)
    }
    await pass(1)
    await pass(3)
    const status = await reading
    expect(status).toMatchObject({ keys: null, sessions: null, revocations: null, schema: { missing: [] } })
    expect(status.table).toMatchObject({ bytes: expect.any(Number), deadRows: 0 })
    expect(status.unknown).toStrictEqual(
      ['keys', 'sessions', 'revocations'].map((part) => ({
        part,
        why: 'failed',
        words: 'no answer in time',
      })),
    )
  })

  it('is unknown for more than a million revocations, and for the statistics of a standby', async () => {
    const pool = createPool(await createDatabase())
    await postgres({ pool, listen: false }).migrate()
    const answering = aroundQueries(pool, async (config, run) => {
      if (/limit 1000001/.test(config.text)) return { rows: [{ count: 1_000_001 }] }
      if (/pg_is_in_recovery/.test(config.text)) return { rows: [{ standby: true }] }
      return run()
    })
    const status = await postgres({ pool: answering, listen: false }).status()
    expect(status.revocations).toBeNull()
    expect(status.unknown).toStrictEqual([{ part: 'revocations', why: 'large', words: null }])
    expect(status.table).toStrictEqual({
      bytes: expect.any(Number),
      liveRows: null,
      deadRows: null,
      updates: null,
      hotUpdates: null,
      vacuumedAt: null,
    })
  })
})

it('adds up the partitions of a partitioned table, and estimates only analyzed partitions', async () => {
  const pool = createPool(await createDatabase())
  const store = postgres({ pool, listen: false })
  await store.migrate()
  for (const text of [
    'alter table pawl.sessions rename to whole',
    'create table pawl.sessions (like pawl.whole including defaults) partition by hash (id)',
    'alter table pawl.sessions add constraint parts_pkey primary key (id)',
    'create table pawl.part_0 partition of pawl.sessions for values with (modulus 2, remainder 0) with (autovacuum_enabled = false)',
    'create table pawl.part_1 partition of pawl.sessions for values with (modulus 2, remainder 1) with (autovacuum_enabled = false)',
  ])
    await pool.query(text)
  const sessions = await openSessions({ store: postgres({ pool, listen: false }) })
  await sessions.create({ userId: 'anna' })
  await multiply(pool, 'pawl', 1000)
  const names = createNames('pawl')
  const estimates = (): Promise<boolean> =>
    hasEstimates(
      async (text, values = []) => (await pool.query(names.fill(text), values)).rows[0] ?? {},
      names.sessions,
    )
  expect(await estimates()).toBe(false)
  await pool.query('analyze pawl.part_0')
  expect(await estimates()).toBe(false)
  await pool.query('analyze pawl.part_1')
  expect(await estimates()).toBe(true)
  const { sessions: counts, table } = await store.status()
  expect(counts).toMatchObject({ exact: true, active: 1001 })
  expect(table!.bytes).toBeGreaterThan(100_000)
  expect(table!.liveRows).toBeGreaterThan(900)
})
