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
/** A turn by use: read, decided, and written without waiting for the disk. */
const CONFIRMED = ['select', 'begin', 'set', 'update', 'commit']

interface Budget {
  /** What a call sends, in this order. */
  readonly sends: readonly string[]
  /** How many rows come back or change. */
  readonly rows: number
  /** How its statements find their rows. */
  readonly by?: readonly string[]
  /** What its write adds to the log, besides commit and page images. */
  readonly writes?: { readonly records: number; readonly bytes: number }
}

const BUDGETS: Readonly<Record<Call, Budget>> = {
  // The row and three entries of indexes; and `on conflict` confirms the row.
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
  // The row alone, and no index.
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
  // The row and four entries of indexes.
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
/** Statements on the table that are prepared, with the number of their parameters. */
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
    pollInterval: 60,
    pruneInterval: null,
    refreshLimit: null,
  })
  // Pages with so much room are never tidied, which writes to the log whenever other transactions let it.
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
      // Each in a page of its own, in a table of 20,000.
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
const looking = calls.filter((call) => BUDGETS[call].by !== undefined)
const writing = calls.filter((call) => BUDGETS[call].writes !== undefined)

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

it.each(calls)('%s sends its statements and no more', (call) => {
  const { sends, rows } = BUDGETS[call]
  for (const { sent } of measured.get(call)!) {
    expect(sent.map(({ text }) => text.split(/\s/, 1)[0])).toStrictEqual(sends)
    expect(sum(sent.map((statement) => statement.rows))).toBe(rows)
  }
})

it.each(looking)('%s looks its rows up', (call) => {
  for (const { explained } of measured.get(call)!)
    expect(explained.flatMap(({ scans }) => scans)).toStrictEqual(BUDGETS[call].by)
})

it.each(writing)('%s writes what it has to', (call) => {
  const { records, bytes } = BUDGETS[call].writes!
  const writes = measured.get(call)!.map(({ explained }) => explained.at(-1)!)
  // The least of all: an insert into a full page of an index has to split it, or to tidy it first.
  expect(Math.min(...writes.map((write) => write.records))).toBe(records)
  const written = Math.min(...writes.map((write) => write.bytes))
  expect(written).toBeLessThanOrEqual(bytes)
  expect(written, 'less than its budget: lower that').toBeGreaterThan(bytes * 0.85)
})

it('prepared statements look rows up, too, when they are planned without their values', async () => {
  expect(prepared.size).toBeGreaterThanOrEqual(6)
  for (const [text, parameters] of prepared) {
    for (const scan of await genericScans(pool, text, parameters))
      expect(scan).toMatch(/^Bitmap Heap Scan$|^(?:Bitmap )?Index Scan using sessions_(?:pkey|user_id_idx)$/)
  }
})
