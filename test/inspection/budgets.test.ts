import type { QueryConfig } from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'
import type { ReusePage } from '../../src/core/inspection.ts'
import type { Position } from '../../src/core/store.ts'
import { types } from '../../src/postgres/drivers/types.ts'
import { postgres } from '../../src/postgres/index.ts'
import type { QueryRows } from '../../src/postgres/inspection/find-users.ts'
import { findReuse } from '../../src/postgres/inspection/reuse.ts'
import { createNames } from '../../src/postgres/names.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { type Read, readsOf } from '../support/explain.ts'
import { aroundQueries } from '../support/pools.ts'

/*
 * 200,000 sessions within ten days, of which 40,000 have ended. The bounds of the calls are far below these numbers, so a call
 * that reads in proportion to the table fails here as it would on a larger one.
 */

const DAY = 86_400_000
const ROWS = 200_000
const ENDED = 40_000

/** A fixed day: the ids hold the time, and by a hash of them a row is one of reuse. */
const at = Date.UTC(2030, 0, 10) - 1
const pool = createPool(await createDatabase())
const reads: Read[] = []
const store = postgres({
  pool: aroundQueries(pool, async ({ text, values }, run) => {
    if (/^(?:select|with)\b.*\.sessions\b/s.test(text)) reads.push(await readsOf(pool, text, values))
    return run()
  }),
  listen: false,
})

beforeAll(async () => {
  await store.migrate()
  await pool.query(
    `insert into pawl.sessions (id, user_id, generation, current, anchor_hash, created_at, turned_at, expires_at, prune_on, claims, ip, user_agent)
     select (lpad(to_hex(ms), 12, '0') || '7' || substr(chance, 1, 3) || 'a' || substr(chance, 4, 15))::uuid,
       'user-' || n % 50000, 1, decode(chance, 'hex'), decode(chance, 'hex'), to_timestamp(ms / 1000.0), to_timestamp(ms / 1000.0),
       to_timestamp($2 / 1000.0) + interval '9 days', current_date + 40, '{"role":"member"}', '192.0.2.7', repeat('agent ', 12)
     from (select n, md5(n::text) as chance, ($2 - n::float8 * $3 / $1)::bigint as ms from generate_series(0, $1 - 1) n) as row`,
    [ROWS, at, 10 * DAY],
  )
  await pool.query(
    `update pawl.sessions set ended_at = created_at, invalidated_at = created_at,
       end_reason = case when mod(hashtext(id::text), 1000) = 0 then 'reuse' else 'logout' end
     where id in (select id from pawl.sessions order by md5(id::text) limit $1)`,
    [ENDED],
  )
  await pool.query('vacuum analyze pawl.sessions')
}, 60_000)

async function readsOfCall(call: () => Promise<unknown>): Promise<Read[]> {
  reads.length = 0
  await call()
  return [...reads]
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

const CALLS: [name: string, rows: number, pages: number, () => Promise<unknown>][] = [
  ['the overview of a week', 45_000, 25_000, () => store.inspect!.overview(at, 7)],
  ['the overview of a month', 45_000, 25_000, () => store.inspect!.overview(at, 31)],
  ['a page of users', 2000, 2100, () => store.inspect!.findUsers('user-1', null, 20)],
  ['the last users', 2000, 2100, () => store.inspect!.findUsers('user-9999', null, 20)],
  ['a user that does not exist', 2000, 2100, () => store.inspect!.findUsers('user-1x', null, 20)],
  ['all users', 2000, 2100, () => store.inspect!.findUsers('', null, 20)],
  ['a page of reuse', 10_200, 11_000, () => store.inspect!.reuse(null, 100)],
  ['the status', 0, 0, () => store.inspect!.status()],
]

describe.each(CALLS)('%s', (_name, rows, pages, call) => {
  it('never reads the whole table, and stays within its bounds', async () => {
    const found = await readsOfCall(call)
    const scans = found.flatMap((read) => read.scans)
    expect(
      scans.filter(
        (scan) =>
          !/^Index (?:Only )?Scan(?: Backward)? using /.test(scan) &&
          !/^(?:CTE|Function|Subquery) Scan$/.test(scan),
      ),
    ).toStrictEqual([])
    expect(sum(found.map((read) => read.rows))).toBeLessThanOrEqual(rows)
    expect(sum(found.map((read) => read.pages))).toBeLessThanOrEqual(pages)
  })
})

it('estimates days close to the truth, and says so', async () => {
  const { active, days } = await store.inspect!.overview(at, 7)
  expect(active.how).toBe('estimated')
  expect(active.value! / (ROWS - ENDED)).toBeCloseTo(1, 1)
  expect(days).toHaveLength(7)
  for (const { from, signIns, ends, reuse } of days) {
    const { rows } = await pool.query(
      `select count(*) filter (where created_at < to_timestamp($1) + interval '1 day')::int as signed_in,
         count(ended_at) filter (where created_at < to_timestamp($1) + interval '1 day')::int as ended,
         count(ended_at)::int as ended_since
       from pawl.sessions where created_at >= to_timestamp($1)`,
      [from / 1000],
    )
    // The newest 15,000 sign-ins are part of one day, and the newest 12,000 ends are about three.
    const isWalked = rows[0].ended_since < 12_000
    expect([signIns.how, ends.how]).toStrictEqual(['sparse', isWalked ? 'sampled' : 'sparse'])
    if (isWalked) expect(Math.abs(ends.value! - rows[0].ended)).toBeLessThanOrEqual(1)
    expect(Math.abs(signIns.value! / rows[0].signed_in - 1)).toBeLessThan(0.1)
    // About 400 of 4000 are read, by chance: five standard deviations.
    expect(Math.abs(ends.value! / rows[0].ended - 1)).toBeLessThan(0.25)
    // Far too few for a sample: counted, or unknown.
    expect(reuse.how).toBe(reuse.value === null ? 'unknown' : 'counted')
  }
})

it('counts the reuse of the days that it walks whole', async () => {
  const today = (await store.inspect!.overview(at, 7)).days.at(-1)
  const { rows } = await pool.query(
    `select count(*)::int as found from pawl.sessions where end_reason = 'reuse' and ended_at >= to_timestamp($1)`,
    [today!.from / 1000],
  )
  expect(today!.reuse).toStrictEqual({ value: rows[0].found, how: 'counted' })
})

/** Pages of a walk of 7000 entries. */
async function walkAll(): Promise<{ ids: string[]; pages: number }> {
  const names = createNames('pawl')
  const query: QueryRows = async (text, values) =>
    (await pool.query({ text: names.fill(text), values, types } as QueryConfig)).rows
  const ids: string[] = []
  for (let after: Position | null = null, pages = 1; ; pages++) {
    const page: ReusePage = await findReuse(query, after, 1000, 7000)
    ids.push(...page.found.map(({ sessionId }) => sessionId))
    if (page.next === null) return { ids, pages }
    after = page.next
  }
}

it('finds every reuse by pages of the walk, and passes a mass revocation', async () => {
  const { rows } = await pool.query(
    `select id from pawl.sessions where end_reason = 'reuse' order by invalidated_at desc, id desc`,
  )
  const ids = rows.map(({ id }) => id)
  expect(ids.length).toBeGreaterThan(20)
  expect(await walkAll()).toStrictEqual({ ids, pages: Math.ceil(ENDED / 7000) })
  await pool.query(
    `update pawl.sessions set ended_at = $1, invalidated_at = $1, end_reason = 'revoked' where id in
       (select id from pawl.sessions where ended_at is null order by id limit 10000)`,
    [new Date(at - 5 * DAY)],
  )
  expect((await walkAll()).ids).toStrictEqual(ids)
})
