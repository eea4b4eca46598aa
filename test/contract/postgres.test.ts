import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createNames } from '../../src/postgres/names.ts'
import { QUERIES } from '../../src/postgres/queries.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { strict } from '../support/pools.ts'
import { ALL, DAY, endingAt, MIDNIGHT, NOON, sampleRow } from '../support/rows.ts'
import { describeStore } from './store-contract.ts'

const url = await createDatabase()
const pool = createPool(url)
const guarded = strict(pool)

describeStore('PostgreSQL', async () => {
  const store = postgres({ pool: guarded.pool, schema: 'contract' })
  await store.start()
  return store
})

it('the contract sends every statement of the store, with values that every driver carries', async () => {
  const names = createNames('contract')
  const store = postgres({ pool: guarded.pool, schema: 'contract' })
  const row = sampleRow()
  await store.insert(row)
  expect(await store.bindDevice(row.id, { key: Buffer.alloc(33, 1), kind: 'dbsc' })).toBe(true)
  expect((await store.read(row.id))!.device!.key).toStrictEqual(Buffer.alloc(33, 1))
  await store.time()
  await store.status({ lastSeenBefore: new Date(NOON) })
  const unsent = Object.entries(QUERIES).filter(([, text]) => !guarded.texts.has(names.fill(text)))
  // Sent only after a lost answer. Its first parameter is that of `endListed`, the others are times and reasons.
  expect(unsent.map(([name]) => name)).toStrictEqual(['endedOf'])
})

describe('the clock of the database', () => {
  it('is returned in milliseconds', async () => {
    const store = postgres({ pool })
    const [{ now }] = (await pool.query('select extract(epoch from clock_timestamp()) * 1000 as now')).rows
    const time = await store.time()
    expect(Math.abs(time! - Number(now))).toBeLessThan(1000)
  })
})

describe('using(client)', () => {
  const store = postgres({ pool, schema: 'contract' })

  async function transaction(
    end: 'commit' | 'rollback',
    work: (client: pg.PoolClient) => Promise<void>,
  ): Promise<void> {
    const client = await pool.connect()
    try {
      await client.query('begin')
      await work(client)
      await client.query(end)
    } finally {
      client.release()
    }
  }

  it('writes in the transaction of the application, visible outside only after the commit', async () => {
    const row = sampleRow()
    await transaction('commit', async (client) => {
      await store.using(client).insert(row)
      expect(await store.using(client).writeData(row.id, { a: 1 }, 'merge', 0)).toBe(1)
      expect(await store.using(client).writeClaims(row.id, { b: 2 }, NOON)).toBe(1)
      expect(await store.using(client).read(row.id)).toMatchObject({ data: { a: 1 }, claims: { b: 2 } })
      expect(await store.read(row.id)).toBeNull()
    })
    expect(await store.read(row.id)).toMatchObject({ data: { a: 1 }, claims: { b: 2 }, version: 1 })
  })

  it('writes nothing after a rollback', async () => {
    const [kept, never] = [sampleRow({ userId: 'tx' }), sampleRow({ userId: 'tx' })]
    await store.insert(kept)
    await transaction('rollback', async (client) => {
      const writes = store.using(client)
      await writes.insert(never)
      expect(await writes.end(kept.id, endingAt(NOON))).toBe('tx')
      expect(await writes.listByUser('tx', ALL)).toHaveLength(2)
    })
    expect(await store.read(kept.id)).toMatchObject({ endedAt: null })
    expect((await store.listByUser('tx', ALL)).map(({ id }) => id)).toStrictEqual([kept.id])
  })

  it('can end all sessions of a user, and reauthenticate one', async () => {
    const [one, two] = [sampleRow({ userId: 'tx2' }), sampleRow({ userId: 'tx2' })]
    await transaction('commit', async (client) => {
      const writes = store.using(client)
      await writes.insert(one)
      await writes.insert(two)
      const clocks = { expiresAt: NOON, absoluteExpiresAt: null, pruneAt: MIDNIGHT + DAY }
      expect(await writes.reauthenticate(one.id, 0, NOON + 1, clocks)).toBe(true)
      expect(await writes.endByUser('tx2', endingAt(NOON), one.id, null, 10)).toStrictEqual({
        ended: [two.id],
        last: null,
      })
    })
    expect(await store.read(one.id)).toMatchObject({ authTime: NOON + 1, endedAt: null })
  })

  it.each([undefined, null, {}, 'client'])('refuses %s as a client', (client) => {
    expect(() => store.using(client)).toThrow(TypeError)
  })
})

describe('prune', () => {
  it('checks again when it deletes, and keeps a session that has had a turn', async () => {
    const schema = 'prune'
    const store = postgres({ pool, schema })
    await store.start()
    const row = sampleRow({ pruneAt: MIDNIGHT })
    await store.insert(row)
    // The session turns between the search for due rows and their deletion.
    const racing = postgres({
      schema,
      pool: {
        ...{ connect: () => pool.connect(), end: async () => {} },
        async query(config) {
          if (config.text.startsWith('delete'))
            await pool.query(`update prune.sessions set prune_on = '2031-01-01' where id = $1`, [row.id])
          return pool.query(config as pg.QueryConfig)
        },
      },
    })
    expect(await racing.prune(MIDNIGHT + DAY, 100)).toStrictEqual({ due: 1, deleted: 0 })
    expect(await store.read(row.id)).not.toBeNull()
  })
})
