import { expect, it } from 'vitest'
import type { StatusOptions } from '../../src/core/store-status.ts'
import { countSessions } from '../../src/postgres/count-sessions.ts'
import { postgres, type SessionCounts } from '../../src/postgres/index.ts'
import { createNames } from '../../src/postgres/names.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { multiply } from '../support/multiply.ts'

const ROWS = 50_001
const pool = createPool(await createDatabase())
await postgres({ pool, listen: false }).migrate()
await pool.query(
  `insert into pawl.sessions (id, user_id, generation, current, anchor_hash, created_at, expires_at, prune_on)
   values (gen_random_uuid(), 'anna', 0, '', '', now(), now() + interval '1 day', now() + interval '9 days')`,
)
await pool.query('alter table pawl.sessions set (autovacuum_enabled = false)')
await multiply(pool, 'pawl', ROWS - 1)

/** @param step milliseconds between two looks at the clock */
async function count(
  distributed: boolean,
  step: number,
  options: StatusOptions = {},
): Promise<SessionCounts | null> {
  const names = createNames('pawl')
  let time = 0
  return countSessions(
    async (text, values = []) => (await pool.query(names.fill(text), values)).rows[0] ?? {},
    Date.now(),
    options,
    {
      table: names.sessions,
      distributed,
      elapsed: () => {
        time += step
        return time
      },
    },
  )
}

it('gives up after two seconds, and then trusts the planner only about an analyzed table', async () => {
  expect(await count(false, 2000)).toBeNull()
  expect(await count(false, 100)).toMatchObject({ exact: true, active: ROWS })
  await pool.query('analyze pawl.sessions')
  const estimated = await count(false, 2000)
  expect(estimated).toMatchObject({ exact: false })
  expect(estimated!.active / ROWS).toBeCloseTo(1, 1)
})

it('counts the sessions on several nodes by ranges of ids, never by a plan', async () => {
  const seen: number[] = []
  const exact = { exact: true, lastSeenBefore: new Date(Date.now() + 1000) }
  expect(await count(true, 2000)).toBeNull()
  expect(await count(true, 100)).toMatchObject({ exact: true, active: ROWS })
  expect(await count(true, 2000, { ...exact, onProgress: (rows) => seen.push(rows) })).toStrictEqual({
    exact: true,
    active: ROWS,
    bound: 0,
    expired: 0,
    ended: 0,
    prunable: 0,
    lastSeenBefore: ROWS,
  })
  expect(seen.length).toBeGreaterThan(2)
  expect(seen).toStrictEqual(seen.toSorted((a, b) => a - b))
})

it('counts no sessions on several nodes', async () => {
  await pool.query('truncate pawl.sessions')
  expect(await count(true, 100)).toMatchObject({ exact: true, active: 0, expired: 0 })
})
