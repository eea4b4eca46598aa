import type { Pool } from 'pg'
import { describe, expect, it } from 'vitest'
import type { DayOverview } from '../../src/core/inspection.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'

const DAY = 86_400_000
const HOUR = 3_600_000
const MIDNIGHT = Date.UTC(2030, 0, 10)
const AT = MIDNIGHT + 9 * HOUR
const BURST = 10_000
/** A sign-in and an end every minute. */
const STEADY_OF_DAY = 1440

/** Sessions that begin at a time, one every `step` ms, and end after half a minute. */
async function insertEnded(pool: Pool, from: number, count: number, step: number): Promise<void> {
  await insert(pool, from, count, step, 30_000, 'logout')
}

async function insert(
  pool: Pool,
  from: number,
  count: number,
  step: number,
  lifetime: number | null,
  reason: string | null,
): Promise<void> {
  await pool.query(
    `insert into pawl.sessions (id, user_id, generation, current, anchor_hash, created_at, turned_at, expires_at, prune_on, claims, ended_at, invalidated_at, end_reason)
     select (lpad(to_hex(ms), 12, '0') || '7' || substr(chance, 1, 3) || 'a' || substr(chance, 4, 15))::uuid,
       'user-' || n, 1, decode(chance, 'hex'), decode(chance, 'hex'), to_timestamp(ms / 1000.0), to_timestamp(ms / 1000.0),
       to_timestamp(ms / 1000.0) + interval '30 days', '2030-06-01', '{}', ended, ended, $5
     from (select n, ms, chance, to_timestamp((ms + $4) / 1000.0) as ended from (
       select n, md5($1 || '-' || n) as chance, ($1::float8 + n * $3::float8)::bigint as ms from generate_series(0, $2 - 1) n
     ) as made) as row`,
    [from, count, step, lifetime, reason],
  )
}

async function open(audit = false): Promise<{ pool: Pool; days(): Promise<readonly DayOverview[]> }> {
  const pool = createPool(await createDatabase())
  const store = postgres({ pool, audit, listen: false })
  await store.migrate()
  await store.start()
  return {
    pool,
    async days() {
      await pool.query('vacuum analyze pawl.sessions')
      return (await store.inspect!.overview(AT, 14)).days
    },
  }
}

describe('a burst', () => {
  it('of 10,000 ends within a second is in the figure of its day, with its reason', async () => {
    const { pool, days } = await open()
    await insertEnded(pool, MIDNIGHT - 13 * DAY, 13 * STEADY_OF_DAY + 540, 60_000)
    // Half a minute and less than a second after the middle of an hour.
    const at = AT - 2.5 * HOUR
    await insert(pool, at, BURST, 0.09, 0, 'revoked')
    const today = (await days()).at(-1)!
    expect(today.ends).toStrictEqual({
      value: BURST + 540,
      how: 'sampled',
      byReason: { revoked: expect.any(Number), logout: expect.any(Number) },
    })
    expect(Math.abs(today.ends.byReason['revoked']! - BURST)).toBeLessThan(100)
  })

  it('that every session ends in at the same time is at least as large as it shows', async () => {
    const { pool, days } = await open()
    await insertEnded(pool, MIDNIGHT - 13 * DAY, 13 * STEADY_OF_DAY, 60_000)
    await insert(pool, AT - HOUR, 30_000, 0, 0, 'revoked')
    const today = (await days()).at(-1)!
    expect(today.ends).toStrictEqual({ value: 12_000, how: 'sparse', byReason: { revoked: 12_000 } })
  })

  it('of 10,000 ends within a second is in the figure of its day from an audit', async () => {
    const { pool, days } = await open(true)
    await pool.query(
      `insert into pawl.session_audit (at, session_id, kind, user_id, reason)
       select to_timestamp($1::float8 / 1000) + n * interval '1 minute', gen_random_uuid(), kind, 'u',
         case when kind = 'ended' then 'logout' end
       from generate_series(0, $2 - 1) n, unnest('{created,ended}'::text[]) kind
       union all select to_timestamp($3::float8 / 1000) + n * interval '90 microseconds', gen_random_uuid(), 'ended', 'u', 'revoked'
       from generate_series(0, $4 - 1) n`,
      [MIDNIGHT - 13.5 * DAY, 13.5 * STEADY_OF_DAY + 540, AT - 2.5 * HOUR, BURST],
    )
    const found = await days()
    expect(found.at(-1)).toMatchObject({
      signIns: { value: 540, how: 'counted' },
      ends: { value: BURST + 540, how: 'counted', byReason: { revoked: BURST, logout: 540 } },
    })
    expect(found.at(-2)!.ends).toStrictEqual({
      value: STEADY_OF_DAY,
      how: 'counted',
      byReason: { logout: STEADY_OF_DAY },
    })
    expect([found[0]!.ends.how, found[0]!.signIns.how]).toStrictEqual(['sparse', 'sparse'])
    expect(Math.abs(found[0]!.ends.value! / STEADY_OF_DAY - 1)).toBeLessThan(0.2)
  })

  it('of 10,000 sign-ins within a second is in the figure of its day', async () => {
    const { pool, days } = await open()
    await insert(pool, MIDNIGHT - 13 * DAY, 13 * STEADY_OF_DAY + 540, 60_000, null, null)
    await insert(pool, AT - 2.5 * HOUR, BURST, 0.09, null, null)
    const figures = (await days()).map(({ signIns }) => signIns)
    expect(figures.at(-1)).toStrictEqual({ value: BURST + 540, how: 'counted' })
    expect(figures.at(-2)).toStrictEqual({ value: STEADY_OF_DAY, how: 'counted' })
    expect(figures[0]!.how).toBe('sparse')
    expect(Math.abs(figures[0]!.value! / STEADY_OF_DAY - 1)).toBeLessThan(0.1)
  })
})
