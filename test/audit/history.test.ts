import type { QueryConfig } from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'
import type { HistoryPage, HistoryQuery, StoreInspection } from '../../src/core/inspection.ts'
import { AUDIT_QUERIES } from '../../src/postgres/audit/queries.ts'
import { type PostgresStore, postgres } from '../../src/postgres/index.ts'
import { createNames } from '../../src/postgres/names.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { readsOf } from '../support/explain.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { openSessions } from '../support/sessions.ts'

const pool = createPool(await createDatabase())
const SCHEMA = 'history'
const START = Date.UTC(2030, 2, 1)
const MINUTE = 60_000
/** A login each minute, of 1000 users from 20,000 addresses in 80 networks. One network has a tenth of all. */
const ROWS = 60_000
const store = postgres({ pool, schema: SCHEMA, audit: true, listen: false })
const inspect = store.inspect!

const history = (query: HistoryQuery): Promise<HistoryPage> => inspect.history!(query)

beforeAll(async () => {
  await store.start()
  await pool.query(
    `insert into ${SCHEMA}.session_audit (at, session_id, kind, user_id, ip, user_agent)
     select to_timestamp($1::bigint / 1000) + n * interval '1 minute', gen_random_uuid(), 'created', 'user-' || n % 1000,
       case when n % 10 = 0 then inet '198.51.100.0' + n / 10 % 256
         else inet '10.0.0.0' + (n % 80) * 256 + n / 80 % 250 end, 'Browser'
     from generate_series(0, $2 - 1) n`,
    [START, ROWS],
  )
  await pool.query(`analyze ${SCHEMA}.session_audit`)
}, 120_000)

/** The plan of each statement that a call sends, and how many rows its scans read. */
async function plansOf(call: (inspection: StoreInspection) => Promise<unknown>): Promise<string[]> {
  const plans: string[] = []
  const explaining = postgres({
    schema: SCHEMA,
    audit: true,
    listen: false,
    pool: {
      end: async () => {},
      connect: () => pool.connect(),
      async query(config) {
        if (/^with|^select .*session_audit/s.test(config.text)) {
          const { rows } = await pool.query(`explain ${config.text}`, [...config.values])
          plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'))
        }
        return pool.query(config as QueryConfig)
      },
    },
  })
  await call(explaining.inspect!)
  return plans
}

const minutesOf = ({ found }: HistoryPage): number[] => found.map(({ at }) => (at - START) / MINUTE)

/** All pages of a search. */
async function walk(
  query: Omit<HistoryQuery, 'limit'>,
  limit: number,
): Promise<{ minutes: number[]; pages: number }> {
  const minutes: number[] = []
  let pages = 0
  let after = query.after ?? null
  do {
    const page: HistoryPage = await history({ ...query, after, limit })
    minutes.push(...minutesOf(page))
    after = page.next
    pages++
  } while (after !== null)
  return { minutes, pages }
}

describe('finds the newest first', () => {
  it('of all, page by page', async () => {
    const first = await history({ limit: 3 })
    expect(minutesOf(first)).toStrictEqual([ROWS - 1, ROWS - 2, ROWS - 3])
    expect(minutesOf(await history({ limit: 2, after: first.next }))).toStrictEqual([ROWS - 4, ROWS - 5])
  })

  it('of a user', async () => {
    const { minutes, pages } = await walk({ userId: 'user-7' }, 25)
    expect(minutes).toStrictEqual(Array.from({ length: 60 }, (_, index) => 59_007 - index * 1000))
    expect(pages).toBe(3)
  })

  it('of a period', async () => {
    const period = { from: START + 100 * MINUTE, to: START + 104 * MINUTE }
    expect(await walk(period, 3)).toStrictEqual({ minutes: [103, 102, 101, 100], pages: 2 })
    expect(await walk({ ...period, userId: 'user-101' }, 3)).toStrictEqual({ minutes: [101], pages: 1 })
  })

  it('of an address', async () => {
    const { minutes } = await walk({ network: '10.0.1.0' }, 2)
    expect(minutes).toStrictEqual([40_001, 20_001, 1])
    expect(await walk({ network: '::ffff:10.0.1.0' }, 2)).toMatchObject({ minutes })
  })

  it('of a network that few signed in from', async () => {
    const { minutes, pages } = await walk({ network: '10.0.1.0/24' }, 400)
    const expected = Array.from({ length: 750 }, (_, index) => 59_921 - index * 80)
    expect(minutes).toStrictEqual(expected)
    expect(pages).toBe(2)
    expect(await walk({ network: '10.0.1.7/31', userId: 'user-481' }, 9)).toMatchObject({
      minutes: [40_481, 20_481, 481],
    })
  })

  it('of a network that many signed in from, by time', async () => {
    const { minutes, pages } = await walk({ network: '10.0.0.0/8' }, 1000)
    expect(minutes).toStrictEqual(
      Array.from({ length: ROWS }, (_, index) => ROWS - 1 - index).filter((n) => n % 10),
    )
    expect(pages).toBe(54)
  })

  it('of a user from a network that the user has hardly been in: an empty page has a next', async () => {
    await pool.query(
      `insert into ${SCHEMA}.session_audit (at, session_id, kind, user_id, ip)
       select to_timestamp($1::bigint / 1000) - n * interval '1 minute', gen_random_uuid(), 'created', 'machine',
         case n when 30000 then inet '2001:db8::1' else inet '203.0.113.1' end from generate_series(1, 30000) n`,
      [START],
    )
    const first = await history({ userId: 'machine', network: '2001:db8::/32', limit: 10 })
    expect(first).toMatchObject({ found: [], next: { at: START - 10_000 * MINUTE } })
    const rest = { userId: 'machine', network: '2001:db8::/32', after: first.next }
    expect(await walk(rest, 10)).toStrictEqual({ minutes: [-30_000], pages: 3 })
  })
})

describe('reads a part of an index', () => {
  it.each<[string, Omit<HistoryQuery, 'limit'>, RegExp]>([
    ['all', {}, /Index Scan Backward using session_audit_pkey/],
    ['a period', { from: START, to: START + 1000 * MINUTE }, /Index Scan Backward using session_audit_pkey/],
    ['a user', { userId: 'user-7' }, /Scan (?:Backward using|on) session_audit_user_id_idx/],
    ['an address', { network: '10.0.1.0' }, /Scan (?:Backward using|on) session_audit_ip_idx/],
    ['a network', { network: '10.0.1.0/24' }, /Scan (?:using|on) session_audit_ip_idx/],
    ['a large network', { network: '10.0.0.0/8' }, /Index Scan Backward using session_audit_pkey/],
  ])('for %s', async (_, query, index) => {
    const plans = await plansOf((inspection) => inspection.history!({ ...query, limit: 100 }))
    expect(plans.at(-1)).toMatch(index)
    expect(plans.at(-1)).not.toContain('Seq Scan')
  })

  it('for a period in which a large network was not seen', async () => {
    const period = { from: START - 365 * 86_400_000, to: START - 90 * 86_400_000 }
    const search = (inspection: StoreInspection): Promise<HistoryPage> =>
      inspection.history!({ ...period, network: '10.0.0.0/8', limit: 100 })
    const [count, found, ...more] = await plansOf(search)
    expect(count).toMatch(/^Aggregate.*\n *-> *Limit /)
    expect(found).not.toContain('CTE entries')
    expect(found).toContain('session_audit_pkey')
    expect(more).toStrictEqual([])
    expect(await search(inspect)).toStrictEqual({ found: [], next: null })
  })

  it('for reuse, and for the days', async () => {
    const [since, reuse] = await plansOf((inspection) => inspection.reuse(null, 10))
    expect(since).toMatch(/Index (?:Only )?Scan using session_audit_pkey/)
    expect(reuse).toMatch(/Index Scan Backward using session_audit_reuse_idx/)
    const days = await plansOf((inspection) => inspection.overview(START + 20 * 86_400_000, 20))
    expect(days.filter((plan) => plan.includes('session_audit'))).toHaveLength(4)
    for (const plan of days) expect(plan).not.toContain('Seq Scan on session_audit')
  })
})

it('finds the oldest sign-in behind many expiries that are older, a day at a time', async () => {
  const schema = 'expired'
  await postgres({ pool, schema, audit: true, listen: false }).start()
  await pool.query(
    `insert into ${schema}.session_audit (at, session_id, kind, user_id)
     select to_timestamp($1::bigint / 1000) - n * interval '30 s', gen_random_uuid(), 'ended', 'u' from generate_series(1, 30000) n
     union all
     select to_timestamp($1::bigint / 1000) + n * interval '30 s', gen_random_uuid(), 'created', 'u' from generate_series(0, 999) n`,
    [START],
  )
  await pool.query(`vacuum analyze ${schema}.session_audit`)
  const oldest = createNames(schema).fill(AUDIT_QUERIES.oldestAudited)
  const found = async (): Promise<number> => Number((await pool.query(oldest)).rows[0].at)
  expect(await found()).toBeGreaterThanOrEqual(START)
  // The audit is younger than a day.
  expect(await found()).toBeLessThan(START + 1000 * 30_000)
  await pool.query(
    `insert into ${schema}.session_audit (at, session_id, kind, user_id)
     select at + interval '20 hours', gen_random_uuid(), kind, 'u' from ${schema}.session_audit where kind = 'created'`,
  )
  expect(await found()).toBeLessThan(START + 86_400_000)
  const { rows, scans } = await readsOf(pool, oldest, [])
  expect(scans).not.toContain('Seq Scan on session_audit')
  // Ten days and a half, 500 each.
  expect(rows).toBeLessThan(8000)
  await pool.query(`truncate ${schema}.session_audit`)
  expect((await pool.query(oldest)).rows).toStrictEqual([{ at: null }])
})

describe('refuses before any work', () => {
  const NETWORKS = ['', '10.0.0', '10.0.0.0/33', '10.0.0.0/', '::/129', '::ffff:10.0.0.0/24', '1.2.3.4/8/8']
  const wrong: object[] = [
    {},
    { limit: 0 },
    { limit: 1001 },
    { limit: 1, userId: '' },
    { limit: 1, userId: 'x'.repeat(256) },
    { limit: 1, user: 'anna' },
    { limit: 1, from: '2030' },
    { limit: 1, to: Number.NaN },
    { limit: 1, after: { at: 1, sessionId: 'x', kind: 'ended' } },
    { limit: 1, after: { at: 1, sessionId: '0190f000-0000-7000-8000-000000000000', kind: '' } },
    ...[...NETWORKS, 'fe80::1%eth0/64', ' 1.2.3.4'].map((network) => ({ limit: 1, network })),
  ]

  it.each(wrong)('%j', async (query) => {
    await expect(history(query as HistoryQuery)).rejects.toThrow(TypeError)
  })
})

it('takes any time, and no audit has no history', async () => {
  expect(await history({ limit: 1, from: -8.64e15, to: 8.64e15 })).toMatchObject({
    found: [{ kind: 'created' }],
  })
  expect(await history({ limit: 1, to: -8.64e15 })).toStrictEqual({ found: [], next: null })
  expect(postgres({ pool, schema: SCHEMA, listen: false }).inspect!.history).toBeUndefined()
})

describe('the console', () => {
  async function steal(
    open: () => PostgresStore,
  ): Promise<{ sessionId: string; endedAt: number; store: PostgresStore }> {
    const clock = createFakeClock()
    const opened = open()
    const sessions = await openSessions({ store: opened, now: clock.now })
    const { session, refreshToken } = await sessions.create({
      userId: 'u',
      ip: '192.0.2.1',
      userAgent: 'Browser',
    })
    const child = await sessions.refresh(refreshToken.value)
    sessions.verify(child.accessToken.value)
    await sessions.flush()
    clock.advance(900)
    await sessions.refresh(refreshToken.value, { ip: '203.0.113.7', userAgent: 'curl' }).catch(() => {})
    return { sessionId: session.sessionId, endedAt: clock.now(), store: opened }
  }

  it('gets both sides of a reuse, also of a session that is deleted, and the older ones of the sessions', async () => {
    const old = await steal(() => postgres({ pool, schema: 'reused', listen: false }))
    const now = await steal(() => postgres({ pool, schema: 'reused', audit: true, listen: false }))
    await pool.query(`update reused.session_audit set at = at + interval '1 hour'`)
    await pool.query('delete from reused.sessions where id = $1', [now.sessionId])
    const pages = [await now.store.inspect!.reuse(null, 1)]
    pages.push(await now.store.inspect!.reuse(pages[0]!.next, 1))
    expect(pages.flatMap(({ found }) => found)).toMatchObject([
      {
        sessionId: now.sessionId,
        at: now.endedAt + 60 * MINUTE,
        presenter: { ip: '203.0.113.7', userAgent: 'curl' },
      },
      { sessionId: old.sessionId, at: old.endedAt, presenter: null },
    ])
    expect((await now.store.inspect!.reuse(null, 10)).found).toHaveLength(2)
    expect(pages[1]!.next).toBeNull()
  })

  it('gets the days of an audit that is old enough', async () => {
    const at = START + 10 * 86_400_000 + 6 * 60 * MINUTE
    await pool.query(
      `insert into ${SCHEMA}.session_audit (at, session_id, kind, user_id, reason)
       select to_timestamp($1::bigint / 1000), gen_random_uuid(), 'ended', 'u', reason
       from unnest('{logout,logout,reuse}'::text[]) reason`,
      [at - 86_400_000],
    )
    const { source, days } = await inspect.overview(at, 3)
    expect(source).toBe('audit')
    expect(days.map(({ signIns, ends, reuse }) => [signIns, ends, reuse])).toStrictEqual([
      [
        { value: 1440, how: 'counted' },
        { value: 0, how: 'counted', byReason: {} },
        { value: 0, how: 'counted' },
      ],
      [
        { value: 1440, how: 'counted' },
        { value: 3, how: 'counted', byReason: { logout: 2, reuse: 1 } },
        { value: 1, how: 'counted' },
      ],
      [
        { value: 361, how: 'counted' },
        { value: 0, how: 'counted', byReason: {} },
        { value: 0, how: 'counted' },
      ],
    ])
    expect(await inspect.overview(START + 43 * 86_400_000, 40)).toMatchObject({ source: 'audit' })
    expect(await inspect.overview(START - 30 * 86_400_000, 90)).toMatchObject({ source: 'sessions' })
  })
})
