import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, describe, expect, inject, it } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { aroundQueries, driverError } from '../support/pools.ts'

const DAY = 86_400_000

/** Adds sessions with ids of version 4, each for another user. */
async function add(pool: pg.Pool, userIds: readonly string[], createdAt = new Date()): Promise<void> {
  await pool.query(
    `insert into pawl.sessions (id, user_id, generation, current, anchor_hash, created_at, expires_at, prune_on)
     select gen_random_uuid(), user_id, 0, '', '', $2, now() + interval '1 day', current_date + 9 from unnest($1::text[]) as user_id`,
    [userIds, createdAt],
  )
}

/** A database that sorts texts by a language. */
async function databaseOf(locale: string): Promise<pg.Pool> {
  const server = createPool(inject('serverUrl'), { max: 1 })
  const name = `pawl_test_${randomBytes(6).toString('hex')}`
  await server.query(`create database ${name} template template0 locale_provider icu icu_locale '${locale}'`)
  const url = new URL(inject('serverUrl'))
  url.pathname = `/${name}`
  const pool = new pg.Pool({ connectionString: url.href, max: 4 })
  pool.on('error', () => {})
  afterAll(async () => {
    await pool.end()
    const client = new pg.Client({ connectionString: inject('serverUrl') })
    await client.connect()
    await client.query(`drop database ${name} with (force)`)
    await client.end()
  })
  await postgres({ pool, listen: false }).migrate()
  return pool
}

/** Neighbors in the order of a language are none in that of bytes. */
const USERS = [
  'anna',
  'Anna',
  'ANNA',
  'ánna',
  'an-na',
  'annab',
  'Annab',
  'ann',
  'b',
  'B',
  'ch',
  'c1',
  'cz',
  'd',
  'h',
  'ü',
  '10',
  '9',
  '1a',
]

describe.each(['en-US', 'cs-CZ', 'en-US-u-kn-true', 'da-DK'])('a database in %s', async (locale) => {
  const pool = await databaseOf(locale)
  await add(pool, USERS)
  // More than one statement reads.
  await add(
    pool,
    Array.from({ length: 5000 }, (_, index) => `many-${index % 50}`),
  )
  const { inspect } = postgres({ pool, listen: false })

  it.each(['a', 'an', 'anna', 'A', 'b', 'c', 'ch', '1', '10', 'many-4', 'zzz', 'ü', ''])(
    'finds all users that begin with %s',
    async (prefix) => {
      const found: string[] = []
      let complete = false
      for (let after: string | null = null; ; ) {
        const page = await inspect!.findUsers(prefix, after, 7)
        found.push(...page.userIds)
        complete = page.complete
        after = page.next
        if (after === null) break
      }
      const expected = [...USERS, ...Array.from({ length: 50 }, (_, index) => `many-${index}`)]
      expect(found.sort()).toStrictEqual(expected.filter((userId) => userId.startsWith(prefix)).sort())
      // A letter outside of ASCII may sort its users before itself.
      expect(complete).toBe(prefix !== 'ü')
    },
  )
})

it.each([
  ['53300', 2, 'the database failed'],
  ['42883', 1, 'the engine does not know the statement'],
])('after %s the order of the ids is read %i times in three searches: %s', async (code, reads) => {
  const pool = createPool(await createDatabase())
  await postgres({ pool, listen: false }).migrate()
  await add(pool, ['anna', 'b'])
  let asked = 0
  const failing = aroundQueries(pool, ({ text }, run) => {
    if (!text.includes('pg_database')) return run()
    asked++
    return asked === 1 ? Promise.reject(driverError(code)) : run()
  })
  const { inspect } = postgres({ pool: failing, listen: false })
  for (const _ of [1, 2, 3])
    expect(await inspect!.findUsers('a', null, 10)).toMatchObject({ userIds: ['anna'], next: null })
  expect(asked).toBe(reads)
})

describe('ids that are not in the order of time', async () => {
  const pool = createPool(await createDatabase())
  const store = postgres({ pool, listen: false, sessionIdVersion: 'v4' })
  await store.migrate()
  const lastMidnight = (): number => Math.floor(Date.now() / DAY) * DAY
  const users = (count: number): string[] => Array.from({ length: count }, (_, index) => `user ${index}`)

  it('are counted by their time in a small table', async () => {
    const midnight = lastMidnight()
    await add(pool, users(5), new Date(midnight - 1))
    await add(pool, users(3), new Date(midnight))
    const { active, days } = await store.inspect!.overview(midnight + 1, 2)
    expect(active).toStrictEqual({ value: 8, how: 'counted' })
    expect(days.map(({ signIns }) => signIns)).toStrictEqual([
      { value: 5, how: 'counted' },
      { value: 3, how: 'counted' },
    ])
  })

  it('are estimated in a large one that was analyzed, up to that day', async () => {
    const midnight = lastMidnight()
    await add(pool, users(40_000), new Date(midnight - DAY))
    await add(pool, users(20_000), new Date(midnight - 2 * DAY))
    const unknown = { value: null, how: 'unknown' }
    const signIns = async (): Promise<unknown[]> =>
      (await store.inspect!.overview(midnight + 1, 3)).days.map((day) => day.signIns)
    await pool.query(`delete from pg_statistic where starelid = 'pawl.sessions'::regclass`)
    expect(await signIns()).toStrictEqual([unknown, unknown, unknown])
    await pool.query('analyze pawl.sessions')
    const [before, yesterday, today] = await signIns()
    expect(before).toStrictEqual({ value: expect.closeTo(20_000, -4), how: 'estimated' })
    expect(yesterday).toStrictEqual({ value: expect.closeTo(40_000, -4), how: 'estimated' })
    expect(today).toStrictEqual(unknown)
  })
})
