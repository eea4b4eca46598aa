import { describe, expect, it } from 'vitest'
import { createConnection } from '../../src/postgres/connection.ts'
import { type Distribution, readDistribution } from '../../src/postgres/distribution.ts'
import { pgDriver } from '../../src/postgres/drivers/pg.ts'
import type { PoolLike } from '../../src/postgres/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createNames } from '../../src/postgres/names.ts'
import { createFakeCitus } from '../support/citus.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { aroundQueries, driverError, recording } from '../support/pools.ts'

function read(pool: PoolLike, schema = 'pawl'): Promise<Distribution> {
  return readDistribution(createConnection(pgDriver(pool), { where: 'test' }), createNames(schema))
}

const ON_PLAIN = {
  engine: null,
  sessions: 'plain',
  isCoordinator: null,
  coordinatorIsNode: null,
  tables: null,
}
const PLAIN_TABLE = { placement: 'plain', column: null, shards: null }

describe('readDistribution', () => {
  it('costs one statement on plain PostgreSQL', async () => {
    const { pool, statements } = recording(createPool(await createDatabase()))
    expect(await read(pool)).toStrictEqual(ON_PLAIN)
    expect(statements).toStrictEqual(['select'])
  })

  it('takes an engine without the catalog functions for plain', async () => {
    const pool = aroundQueries(createPool(await createDatabase()), async () => {
      throw driverError('42883')
    })
    expect(await read(pool)).toStrictEqual(ON_PLAIN)
  })

  it('reads column and shards of each table on Citus, and whether the server is the coordinator', async () => {
    const citus = await createFakeCitus()
    const store = postgres({ pool: citus.pool, schema: 'it\'s "mine"', listen: false })
    const readMine = (): Promise<Distribution> => read(citus.pool, 'it\'s "mine"')
    expect(await readMine()).toStrictEqual({
      engine: 'citus',
      sessions: 'plain',
      isCoordinator: true,
      coordinatorIsNode: true,
      tables: { sessions: PLAIN_TABLE, signingKeys: PLAIN_TABLE, migrations: PLAIN_TABLE },
    })
    await store.migrate()
    const table = (name: string): string => `'"it''s ""mine""".${name}'`
    await citus.pool.query(`select create_distributed_table(${table('sessions')}, 'id')`)
    await citus.pool.query(`select create_reference_table(${table('signing_keys')})`)
    await citus.pool.query(`select citus_add_local_table_to_metadata(${table('migrations')})`)
    await citus.becomeWorker()
    await citus.forgetCoordinator()
    expect(await readMine()).toStrictEqual({
      engine: 'citus',
      sessions: 'distributed',
      isCoordinator: false,
      coordinatorIsNode: false,
      tables: {
        sessions: { placement: 'distributed', column: 'id', shards: 32 },
        signingKeys: { placement: 'reference', column: null, shards: 1 },
        migrations: { placement: 'local', column: null, shards: 1 },
      },
    })
  })

  it('takes a table for distributed if the role may not read the metadata, and fails without an answer', async () => {
    const citus = await createFakeCitus()
    const failing = (code: string): PoolLike =>
      aroundQueries(citus.pool, (config, run) => {
        if (config.text.includes('pg_dist_node')) throw driverError(code)
        return run()
      })
    expect(await read(failing('42501'))).toStrictEqual({
      ...ON_PLAIN,
      engine: 'citus',
      sessions: 'distributed',
    })
    await expect(read(failing('57P01'))).rejects.toThrow('57P01')
  })
})

it('distributes each table once if several processes do it at the same time', async () => {
  const { pool } = await createFakeCitus()
  const stores = [1, 2, 3].map(() => postgres({ pool, listen: false }))
  const done = await Promise.all(stores.map((store) => store.distribute()))
  const reported = done.flatMap(({ distributed }) => distributed)
  // Adding a small table twice is no error of Citus, so two processes may report it.
  expect(new Set(reported)).toStrictEqual(new Set(['migrations', 'sessions', 'signing_keys']))
  expect(reported.filter((name) => name === 'sessions').length).toBe(1)
  expect(await read(pool)).toMatchObject({
    tables: { sessions: { placement: 'distributed', column: 'id', shards: 32 } },
  })
})
