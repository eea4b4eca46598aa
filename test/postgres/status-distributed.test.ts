import { describe, expect, it } from 'vitest'
import { postgres, type StoreStatus } from '../../src/postgres/index.ts'
import { answerLikeCitus, createFakeCitus, type FakeCitus, SHARD_BYTES } from '../support/citus.ts'
import { multiply } from '../support/multiply.ts'
import { openSessions } from '../support/sessions.ts'

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
