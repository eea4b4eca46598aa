import { expect, it } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { AUDIT_QUERIES, RECORDING } from '../../src/postgres/audit/queries.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createNames } from '../../src/postgres/names.ts'
import { CHANGES } from '../../src/postgres/queries.ts'
import { CALLS, type Call, callByCall } from '../support/calls.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { type Explained, genericScans, rehearse } from '../support/explain.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { silentLogger } from '../support/logger.ts'
import { watching } from '../support/pools.ts'
import { SECRET } from '../support/secrets.ts'

const CLAIMS = { role: 'member', organization: 'northwind-traders-of-london' }
const FROM = {
  ip: '192.0.2.1',
  userAgent:
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
}
const pool = createPool(await createDatabase())
/** The calls that start or end a session. */
const RECORDED: readonly Call[] = ['create', 'create-together', 'revoke']
/** What an audit adds to the write-ahead log of one call: the row and its entries of three indexes. */
const MOST_RECORDS = { create: 4, revoke: 5 }
const MOST_BYTES = { create: 480, revoke: 560 }

interface Measured {
  /** Those of each run. */
  readonly statements: string[][]
  readonly writes: Explained[]
}

async function measure(audit: boolean): Promise<Map<Call, Measured>> {
  const schema = `budgets_${audit ? 'with' : 'without'}`
  const explained: Explained[] = []
  const { pool: watched, sent } = watching(pool, async ({ text, values }) => {
    if (/^(?:with|insert|update)\b.*\.sessions\b/s.test(text))
      explained.push(await rehearse(pool, text, values))
  })
  const clock = createFakeClock()
  const sessions = await createSessions({
    secret: SECRET,
    logger: silentLogger,
    store: postgres({ pool: watched, schema, audit, listen: false }),
    now: clock.now,
    revocation: { pollInterval: 60 },
    privacy: { pruneInterval: null },
    limits: { refreshesPerMinute: null },
  })
  const measured = new Map<Call, Measured>()
  const create: typeof sessions.create = (input) => sessions.create({ ...input, ...FROM })
  await callByCall({ ...sessions, create }, CLAIMS, clock.advance, async (call, times, each) => {
    const statements: string[][] = []
    const writes: Explained[] = []
    // Enough to meet a run without a page split.
    for (let index = 0; index < times; index++) {
      sent()
      explained.length = 0
      await each(index)
      statements.push(sent().map(({ text }) => text.replaceAll(schema, 'pawl')))
      writes.push(...explained)
    }
    measured.set(call, { statements, writes })
  })
  await sessions.close()
  return measured
}

const [without, withAudit] = [await measure(false), await measure(true)]

it.each(Object.keys(CALLS) as Call[])('%s sends as many statements as without an audit', (call) => {
  const numbers = (of: Map<Call, Measured>): number[] => of.get(call)!.statements.map(({ length }) => length)
  expect(numbers(withAudit)).toStrictEqual(numbers(without))
})

it.each((Object.keys(CALLS) as Call[]).filter((call) => !RECORDED.includes(call)))(
  '%s sends the statements that it sends without an audit',
  (call) => {
    expect(withAudit.get(call)!.statements).toStrictEqual(without.get(call)!.statements)
  },
)

it.each(['create', 'revoke'] as const)('%s adds little to the write-ahead log', (call) => {
  const least = (of: Map<Call, Measured>, what: 'records' | 'bytes'): number =>
    Math.min(...of.get(call)!.writes.map((write) => write[what]))
  const added = (what: 'records' | 'bytes'): number => least(withAudit, what) - least(without, what)
  expect(added('records')).toBeLessThanOrEqual(MOST_RECORDS[call])
  expect(added('bytes')).toBeLessThanOrEqual(MOST_BYTES[call])
  expect(added('bytes'), 'well below the budget: lower the budget').toBeGreaterThan(MOST_BYTES[call] * 0.85)
})

it('prepared statements find their rows by index with a generic plan, in a large audit', async () => {
  const schema = 'budgets_with'
  await pool.query(
    `insert into ${schema}.session_audit (at, session_id, kind, user_id, ip, actor_user_id)
     select now() - n * interval '1 minute', gen_random_uuid(), 'created', 'user ' || n % 5000, inet '10.0.0.0' + n % 10000,
       case when n % 1000 = 0 then 'admin ' || n end from generate_series(1, 50000) n`,
  )
  await pool.query(`analyze ${schema}.session_audit; analyze ${schema}.sessions`)
  const names = createNames(schema)
  const texts = [
    ...(Object.keys(CHANGES) as (keyof typeof CHANGES)[]).map((name) => RECORDING[name]),
    ...(['eraseAudit', 'eraseAuditActor', 'pruneAudit'] as const).map((name) => AUDIT_QUERIES[name]),
  ].map((text) => names.fill(text))
  for (const text of texts) {
    const parameters = Math.max(...[...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)))
    for (const scan of await genericScans(pool, text, parameters))
      expect(scan, text).toMatch(
        /^(?:Bitmap )?(?:Index(?: Only)? Scan(?: Backward)? using |Heap Scan$|CTE Scan$|Subquery Scan$|Function Scan$)/,
      )
  }
})
