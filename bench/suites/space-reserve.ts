import { randomBytes } from 'node:crypto'
import { postgres } from 'pawl/postgres'
import type pg from 'pg'
import { DAY, fill } from '../harness/fill.ts'
import { hotShare } from '../harness/hot-share.ts'
import type { Figure } from '../harness/report.ts'
import { atOnce } from '../harness/rounds.ts'
import { shuffle } from '../harness/shuffle.ts'
import type { Settings } from '../harness/suite.ts'
import { openWal } from '../harness/wal.ts'

const AT_ONCE = 2
/** As many as are confirmed together at 1,000 turns a second. */
const TOGETHER = 50
const QUARTER_HOUR = 15 * 60_000

type Ids = readonly string[]

/** Who turns from one checkpoint to the next. */
const PATTERNS: readonly {
  readonly id: string
  readonly what: string
  readonly rounds: number
  of(ids: Ids, round: number): Ids
}[] = [
  { id: 'all', what: 'all turn, 8 times', rounds: 8, of: (ids) => ids },
  { id: 'some', what: 'the same tenth turns, 16 times', rounds: 16, of: (ids) => tenth(ids, 0) },
  {
    id: 'others',
    what: 'another tenth turns, 16 times',
    rounds: 16,
    of: (ids, round) => tenth(ids, round),
  },
]

/** How much of a page has to be kept free for turns to stay within it, and what that takes. */
export async function reserves(
  pool: pg.Pool,
  { quick, progress }: Pick<Settings, 'quick' | 'progress'>,
): Promise<Figure[]> {
  const count = quick ? 5000 : 40_000
  const markWal = await openWal(pool)
  const figures: Figure[] = []
  for (const fillfactor of [85, 90, 95, 100]) {
    for (const { id, what, rounds, of } of PATTERNS) {
      const step = `fillfactor ${fillfactor}, ${what}`
      const schema = `reserve_${fillfactor}_${id}`
      await fill(pool, { schema, secret: randomBytes(32), count, fillfactor, progress: () => progress(step) })
      const before = await size(pool, schema, count)
      const ids = await allIds(pool, schema)
      let [turns, records, images] = [0, 0, 0]
      for (let round = 1; round <= rounds; round++) {
        progress(step, round / rounds)
        const turning = of(ids, round)
        await pool.query('checkpoint')
        const wal = await markWal()
        await turnAll(pool, schema, turning, Date.now() + round * QUARTER_HOUR)
        const written = await wal()
        turns += turning.length
        records += written.records
        images += written.images
        // What autovacuum does now and then, in the hours that these minutes stand for.
        await pool.query(`vacuum ${schema}.sessions`)
      }
      const add = (name: string, text: string, value: number, unit: Figure['unit']): void => {
        figures.push({
          id: `space.reserve.${fillfactor}.${id}.${name}`,
          what: `fillfactor ${fillfactor}, ${what}: ${text}`,
          value,
          unit,
        })
      }
      if (id === 'all') add('before', 'bytes of a session before the first turn', before, 'B')
      add('after', 'bytes of a session after the last', await size(pool, schema, count), 'B')
      add('hot', 'turns within their page', 100 * (await hotShare(pool, schema, turns)), '%')
      add('wal', 'write-ahead log of a turn', records / turns, 'B')
      add('images', 'page images besides', images / turns, 'B')
      await pool.query(`drop schema ${schema} cascade`)
    }
  }
  return figures
}

async function turnAll(pool: pg.Pool, schema: string, ids: Ids, at: number): Promise<void> {
  const store = postgres({ pool, schema, listen: false })
  const order = [...ids]
  shuffle(order)
  await atOnce(AT_ONCE, Math.ceil(order.length / TOGETHER), async (batch) => {
    const rows = await store.readMany(order.slice(batch * TOGETHER, (batch + 1) * TOGETHER).sort())
    const turned = await store.turnMany(
      rows.map((row) => ({
        expected: row,
        next: {
          generation: row.generation + 1,
          current: randomBytes(16),
          previous: row.current,
          turnedAt: at,
          switchedAt: null,
        },
        expiresAt: at + 30 * DAY,
        pruneAt: row.pruneAt,
        ip: null,
        userAgent: null,
      })),
    )
    if (turned.length !== rows.length) throw new Error('a session did not turn')
  })
}

async function size(pool: pg.Pool, schema: string, count: number): Promise<number> {
  const { rows } = await pool.query(`select pg_total_relation_size($1::regclass)::float8 / $2 as size`, [
    `${schema}.sessions`,
    count,
  ])
  return rows[0].size
}

async function allIds(pool: pg.Pool, schema: string): Promise<string[]> {
  const { rows } = await pool.query(`select id from ${schema}.sessions`)
  return rows.map(({ id }) => id)
}

/** Chosen by the random end of an id, so from everywhere in the table; the next round's are others. */
function tenth(ids: Ids, round: number): Ids {
  return ids.filter((id) => (Number.parseInt(id.slice(-6), 16) + round) % 10 === 0)
}
