import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSessions } from 'pawl'
import { postgres } from 'pawl/postgres'
import pg from 'pg'
import { type Budget, type Figure, figure } from '../harness/figures.ts'
import { CLAIMS, fillSessionsTable } from '../harness/sessions-table.ts'
import type { SuiteOptions } from '../harness/suite.ts'
import { runConcurrently } from '../harness/timing.ts'
import { openWal } from '../harness/wal.ts'
import { original } from '../peers/original.ts'

const CONCURRENCY = 16
const QUARTER_HOUR = 15 * 60_000
const BROWSER = {
  ip: '203.0.113.77',
  userAgent:
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
}

/** Bytes of a session on disk and in the write-ahead log. */
export async function space({ quick, database, progress }: SuiteOptions): Promise<Figure[]> {
  const count = quick ? 50_000 : 1_000_000
  const pool = new pg.Pool({ connectionString: database, max: CONCURRENCY })
  await fillSessionsTable(pool, {
    schema: 'many',
    secret: randomBytes(32),
    count,
    progress: (done) => progress('Pawl', done),
  })
  const ours = await sizeOf(pool, 'many.sessions')
  const indexes = await indexSizes(pool, 'many.sessions')
  progress('the original')
  await fillOriginal(pool, database, count)
  const theirs = await sizeOf(pool, 'refresh_token')

  const rows = `${count.toLocaleString('en-US')} sessions`
  const description = `bytes of a session on disk, with all indexes (${rows}, claims of 60 bytes, no user agent)`
  const descriptionOfOriginal = `bytes of a session of the original, which has no index by user (${rows}, the same claims)`
  const figures = [
    figure('space.session', description, ours.total, 'B', { atMost: 310 }),
    figure('space.session.table', 'bytes of a session: the table', ours.table, 'B'),
    figure('space.session.indexes', 'bytes of a session: all indexes', ours.indexes, 'B'),
    ...indexes.map(([name, size]) =>
      figure(`space.session.${name}`, `bytes of a session: ${name}`, size, 'B'),
    ),
    figure('space.original', descriptionOfOriginal, theirs.total, 'B'),
  ]
  const small = { sessions: quick ? 500 : 10_000, turns: quick ? 1 : 4 }
  for (const variant of [
    { id: 'plain', what: 'claims of 60 bytes, no user agent', origin: {} },
    { id: 'browser', what: 'also with an address and a user agent', origin: BROWSER },
  ]) {
    progress(`turns, ${variant.what}`)
    figures.push(...(await measureTurns(pool, { ...small, ...variant })))
  }
  await pool.end()
  return figures
}

/** Bytes per row. */
interface Size {
  readonly table: number
  readonly indexes: number
  readonly total: number
}

async function sizeOf(pool: pg.Pool, table: string): Promise<Size> {
  const { rows } = await pool.query(
    `select pg_table_size($1::regclass) / n as table, pg_indexes_size($1::regclass) / n as indexes,
      pg_total_relation_size($1::regclass) / n as total
     from (select count(*)::float8 n from ${table}) counted`,
    [table],
  )
  return rows[0]
}

/** Bytes per row of each index that is not empty. */
async function indexSizes(pool: pg.Pool, table: string): Promise<(readonly [name: string, size: number])[]> {
  const { rows } = await pool.query(
    `select relname as name, pg_relation_size(indexrelid)::float8 / (select count(*) from ${table}) as size
     from pg_index join pg_class on pg_class.oid = indexrelid
     where indrelid = $1::regclass and pg_relation_size(indexrelid) > 8192 order by 2 desc`,
    [table],
  )
  return rows.map(({ name, size }) => [name, size] as const)
}

/** Copies rows that the original created. Its ids are random. */
async function fillOriginal(pool: pg.Pool, database: string, count: number): Promise<void> {
  const { create, close } = await original(database)
  for (let i = 0; i < 25; i++) await create(`user-${String(i).padStart(8, '0')}`, CLAIMS, {})
  await close()
  await pool.query(
    `insert into refresh_token (session_handle, user_id, refresh_token_hash_2, session_info, expires_at, jwt_user_payload)
     select gen_random_uuid()::text, regexp_replace(user_id, '\\d{8}', lpad(((n * 7919) % $1)::text, 8, '0')),
       refresh_token_hash_2, session_info, expires_at, jwt_user_payload
     from generate_series(1, $1::bigint - 25) n
     join (select row_number() over () - 1 as k, * from refresh_token) m on m.k = n % 25
     order by n`,
    [count],
  )
  const sizes = await pool.query('select distinct pg_column_size(t.*) from refresh_token t')
  if (sizes.rowCount !== 1) throw new Error('rows of the original differ in size from their copies')
  await pool.query('vacuum analyze refresh_token')
}

interface Variant {
  readonly id: string
  readonly what: string
  readonly origin: { readonly ip?: string; readonly userAgent?: string }
  readonly sessions: number
  readonly turns: number
}

/** Logins and turns through Pawl. */
async function measureTurns(pool: pg.Pool, variant: Variant): Promise<Figure[]> {
  const { id, what, origin, turns } = variant
  const schema = `turns_${id}`
  const table = `${schema}.sessions`
  let now = Date.now()
  const sessions = await createSessions({
    store: postgres({ pool, schema, listen: false }),
    secret: randomBytes(32),
    // The published types leave the clock out.
    ...({ now: () => now } as object),
    revocation: { maxStaleness: 86_400 },
    privacy: { pruneInterval: null },
    limits: { refreshesPerMinute: null },
  })
  const markWal = await openWal(pool)
  const loginWal = await markWal()
  const { results: tokens } = await runConcurrently(CONCURRENCY, variant.sessions, async (index) => {
    const userId = `user-${String(index).padStart(8, '0')}`
    return (await sessions.create({ userId, claims: CLAIMS, ...origin })).refreshToken.value
  })
  const loginBytes = (await loginWal()) / variant.sessions
  const afterLogin = await sizeOf(pool, table)
  await pool.query(`vacuum analyze ${table}`)
  const turnWal = await markWal()
  for (let turn = 0; turn < turns; turn++) {
    now += QUARTER_HOUR
    shuffle(tokens)
    await runConcurrently(CONCURRENCY, tokens.length, async (index) => {
      const { accessToken, refreshToken } = await sessions.refresh(tokens[index]!)
      sessions.verify(accessToken.value)
      tokens[index] = refreshToken!.value
    })
    await sessions.flush()
  }
  const updates = variant.sessions * turns
  const turnBytes = (await turnWal()) / updates
  await sessions.close()
  const withinPage = await shareOfHotUpdates(pool, schema, updates)
  const afterTurns = await sizeOf(pool, table)

  const add = (
    name: string,
    text: string,
    value: number,
    unit: Figure['unit'] = 'B',
    budget: Budget = {},
  ): Figure => figure(`space.${id}.${name}`, `${text} (${what})`, value, unit, budget)
  const count = variant.sessions.toLocaleString('en-US')
  return [
    add('after-login', `bytes of a session after its login, ${count} sessions`, afterLogin.total),
    add('after-turns', `bytes of a session after ${turns} rotations`, afterTurns.total),
    add('wal-login', 'bytes of write-ahead log for a login, without page images', loginBytes),
    add('wal-turn', 'bytes of write-ahead log for a rotation, without page images', turnBytes),
    add('hot', 'rotations that rewrote the row within its page', withinPage * 100, '%', { atLeast: 90 }),
  ]
}

/** Sessions refresh in another order than they logged in, the same in each run. */
function shuffle(list: unknown[]): void {
  let state = 1
  for (let index = list.length - 1; index > 0; index--) {
    state = (state * 48_271) % 0x7fffffff
    const other = state % (index + 1)
    ;[list[index], list[other]] = [list[other], list[index]]
  }
}

/** The share of updates within their page (HOT), from PostgreSQL's statistics. */
async function shareOfHotUpdates(pool: pg.Pool, schema: string, updates: number): Promise<number> {
  // Connections report their statistics with a delay, and a report may be lost.
  for (let attempt = 0; ; attempt++) {
    const { rows } = await pool.query(
      `select n_tup_upd::float8 as all, n_tup_hot_upd::float8 as hot from pg_stat_user_tables
       where schemaname = $1 and relname = 'sessions'`,
      [schema],
    )
    if (rows[0].all >= updates || attempt === 20) return rows[0].hot / rows[0].all
    await sleep(500)
  }
}
