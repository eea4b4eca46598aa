import { beforeAll, expect, it } from 'vitest'
import { createSessions } from '../../src/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { CALLS, type Call, callByCall } from '../support/calls.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { type Explained, genericScans, rehearse } from '../support/explain.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { silentLogger } from '../support/logger.ts'
import { multiply } from '../support/multiply.ts'
import { type Sent, watching } from '../support/pools.ts'
import { SECRET } from '../support/secrets.ts'

const BY_ID = 'Index Scan using sessions_pkey'
const BY_USER = 'Index Scan using sessions_user_id_idx'
/** A confirmation: one read, and one write that commits asynchronously. */
const CONFIRMED = ['select', 'begin', 'set', 'update', 'commit']

interface Budget {
  /** The statements of a call, in order. */
  readonly sends: readonly string[]
  /** Number of rows that the statements return or change. */
  readonly rows: number
  /** The scans by which the statements find their rows. */
  readonly by?: readonly string[]
  /** Size of its write in the write-ahead log, without the commit and page images. */
  readonly writes?: { readonly records: number; readonly bytes: number }
}

const BUDGETS: Readonly<Record<Call, Budget>> = {
  // The row, three index entries, and the confirmation of the row for `on conflict`.
  create: { sends: ['insert'], rows: 1, writes: { records: 5, bytes: 500 } },
  'create-together': { sends: ['insert'], rows: 8, writes: { records: 40, bytes: 4000 } },
  verify: { sends: [], rows: 0 },
  'verify-again': { sends: [], rows: 0 },
  check: { sends: ['select'], rows: 1, by: [BY_ID] },
  refresh: { sends: ['select'], rows: 1, by: [BY_ID] },
  'refresh-together': {
    sends: ['select'],
    rows: 8,
    by: ['Bitmap Heap Scan', 'Bitmap Index Scan using sessions_pkey'],
  },
  // Only the row: no index entry.
  confirm: { sends: CONFIRMED, rows: 2, by: [BY_ID, BY_ID], writes: { records: 1, bytes: 125 } },
  'confirm-together': {
    sends: CONFIRMED,
    rows: 200,
    by: ['Bitmap Heap Scan', 'Bitmap Index Scan using sessions_pkey', BY_ID],
    writes: { records: 100, bytes: 14_200 },
  },
  'refresh-that-turns': {
    sends: ['select', 'update'],
    rows: 2,
    by: [BY_ID, BY_ID],
    writes: { records: 1, bytes: 142 },
  },
  'set-data': { sends: ['update'], rows: 1, by: [BY_ID], writes: { records: 1, bytes: 255 } },
  list: { sends: ['select'], rows: 1, by: [BY_USER] },
  // The row and four index entries.
  revoke: { sends: ['update'], rows: 1, by: [BY_ID], writes: { records: 5, bytes: 580 } },
}

const CLAIMS = { role: 'member', organization: 'northwind-traders-of-london' }

/** One call. */
interface Measured {
  readonly sent: readonly Sent[]
  readonly explained: readonly Explained[]
}

const pool = createPool(await createDatabase())
const measured = new Map<Call, Measured[]>()
/** The number of parameters of each prepared statement on the table. */
const prepared = new Map<string, number>()

beforeAll(async () => {
  const explained: Explained[] = []
  const { pool: watched, sent } = watching(pool, async ({ text, values, name }) => {
    if (!/^(?:select|insert|update)\b.*\.sessions\b/s.test(text)) return
    explained.push(await rehearse(pool, text, values))
    if (name !== undefined) prepared.set(text, values.length)
  })
  const clock = createFakeClock()
  const sessions = await createSessions({
    secret: SECRET,
    logger: silentLogger,
    store: postgres({ pool: watched, schema: 'budgets', listen: false }),
    now: clock.now,
    revocation: { pollInterval: 60 },
    privacy: { pruneInterval: null },
    limits: { refreshesPerMinute: null },
  })
  // Pages with free space are never pruned. Pruning would add records to the log at random.
  const keepFree = (share: number): Promise<unknown> =>
    pool.query(`alter table budgets.sessions set (fillfactor = ${100 - share})`)
  await keepFree(70)
  await callByCall(sessions, CLAIMS, clock.advance, async (call, times, each) => {
    const calls: Measured[] = []
    for (let index = 0; index < times; index++) {
      sent()
      explained.length = 0
      await each(index)
      calls.push({ sent: sent(), explained: [...explained] })
      // Makes a table of 20,000 rows in which each created row has a page of its own.
      if (call === 'create') await multiply(pool, 'budgets', 200)
    }
    if (call === 'create') {
      await keepFree(10)
      await pool.query('vacuum analyze budgets.sessions')
    }
    measured.set(call, calls)
  })
  await sessions.close()
}, 120_000)

const calls = Object.keys(CALLS) as Call[]
const reading = calls.filter((call) => BUDGETS[call].by !== undefined)
const writing = calls.filter((call) => BUDGETS[call].writes !== undefined)

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

it.each(calls)('%s sends exactly its statements', (call) => {
  const { sends, rows } = BUDGETS[call]
  for (const { sent } of measured.get(call)!) {
    expect(sent.map(({ text }) => text.split(/\s/, 1)[0])).toStrictEqual(sends)
    expect(sum(sent.map((statement) => statement.rows))).toBe(rows)
  }
})

it.each(reading)('%s finds its rows by index', (call) => {
  for (const { explained } of measured.get(call)!)
    expect(explained.flatMap(({ scans }) => scans)).toStrictEqual(BUDGETS[call].by)
})

it.each(writing)('%s stays within its budget of the write-ahead log', (call) => {
  const { records, bytes } = BUDGETS[call].writes!
  const writes = measured.get(call)!.map(({ explained }) => explained.at(-1)!)
  // The minimum, because some inserts also split or clean up a full index page.
  expect(Math.min(...writes.map((write) => write.records))).toBe(records)
  const written = Math.min(...writes.map((write) => write.bytes))
  expect(written).toBeLessThanOrEqual(bytes)
  expect(written, 'well below the budget: lower the budget').toBeGreaterThan(bytes * 0.85)
})

it('prepared statements use the indexes with a generic plan, too', async () => {
  expect(prepared.size).toBeGreaterThanOrEqual(6)
  for (const [text, parameters] of prepared) {
    for (const scan of await genericScans(pool, text, parameters))
      expect(scan).toMatch(/^Bitmap Heap Scan$|^(?:Bitmap )?Index Scan using sessions_(?:pkey|user_id_idx)$/)
  }
})
