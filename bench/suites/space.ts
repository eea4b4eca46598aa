import { randomBytes } from 'node:crypto'
import { createSessions, type Sessions } from 'pawl'
import { postgres } from 'pawl/postgres'
import pg from 'pg'
import { CLAIMS, fill } from '../harness/fill.ts'
import { hotShare } from '../harness/hot-share.ts'
import type { Figure } from '../harness/report.ts'
import { atOnce } from '../harness/rounds.ts'
import { shuffle } from '../harness/shuffle.ts'
import type { Settings } from '../harness/suite.ts'
import { openWal } from '../harness/wal.ts'
import { original } from '../peers/original.ts'
import { reserves } from './space-reserve.ts'

const AT_ONCE = 16
const QUARTER_HOUR = 15 * 60_000
const BROWSER =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

/** What a session takes on disk and in the write-ahead log. */
export async function space({ quick, full, database, progress }: Settings): Promise<Figure[]> {
  const count = quick ? 50_000 : 1_000_000
  const pool = new pg.Pool({ connectionString: database, max: AT_ONCE })
  await fill(pool, {
    schema: 'many',
    secret: randomBytes(32),
    count,
    progress: (done) => progress('Pawl', done),
  })
  const many = await sizeOf(pool, 'many.sessions')
  progress('the original')
  const theirs = await fillOriginal(pool, database, count)
  const rows = count.toLocaleString('en-US')
  const figures: Figure[] = [
    {
      id: 'space.session',
      what: `bytes of a session on disk, with all indexes (${rows} sessions, claims of 60 bytes, no user agent)`,
      value: many.table + many.indexes,
      unit: 'B',
      target: { atMost: 270 },
    },
    { id: 'space.session.table', what: 'bytes of a session: the table', value: many.table, unit: 'B' },
    { id: 'space.session.indexes', what: 'bytes of a session: all indexes', value: many.indexes, unit: 'B' },
    ...(await indexesOf(pool, 'many.sessions')),
    {
      id: 'space.original',
      what: `bytes of a session of the original, which has no index by user (${rows} sessions, the same claims)`,
      value: theirs.table + theirs.indexes,
      unit: 'B',
    },
  ]
  const small = { sessions: quick ? 500 : 10_000, turns: quick ? 1 : 4 }
  figures.push(
    ...(await turns(pool, {
      ...small,
      id: 'plain',
      what: 'claims of 60 bytes, no user agent',
      as: {},
      progress,
    })),
    ...(await turns(pool, {
      ...small,
      id: 'browser',
      what: 'also with an address and a user agent',
      as: { ip: '203.0.113.77', userAgent: BROWSER },
      progress,
    })),
  )
  if (full) figures.push(...(await reserves(pool, { quick, progress })))
  await pool.end()
  return figures
}

interface Size {
  readonly table: number
  readonly indexes: number
}

/** Bytes of a row. */
async function sizeOf(pool: pg.Pool, table: string): Promise<Size> {
  const { rows } = await pool.query(
    `select pg_table_size($1::regclass)::float8 / (select count(*) from ${table}) as table,
      pg_indexes_size($1::regclass)::float8 / (select count(*) from ${table}) as indexes`,
    [table],
  )
  return { table: rows[0].table, indexes: rows[0].indexes }
}

/** Those that hold something. */
async function indexesOf(pool: pg.Pool, table: string): Promise<Figure[]> {
  const { rows } = await pool.query(
    `select relname as name, pg_relation_size(indexrelid)::float8 / (select count(*) from ${table}) as size
     from pg_index join pg_class on pg_class.oid = indexrelid
     where indrelid = $1::regclass and pg_relation_size(indexrelid) > 8192 order by 2 desc`,
    [table],
  )
  return rows.map(({ name, size }) => ({
    id: `space.session.${name}`,
    what: `bytes of a session: ${name}`,
    value: size,
    unit: 'B',
  }))
}

/** Its rows copied in the same way; its ids are in no order. */
async function fillOriginal(pool: pg.Pool, database: string, count: number): Promise<Size> {
  const first = await original(database)
  for (let i = 0; i < 25; i++) await first.create(`user-${String(i).padStart(8, '0')}`, CLAIMS, {})
  await first.close()
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
  if (sizes.rowCount !== 1) throw new Error('rows of the original and their copies differ in size')
  await pool.query('vacuum analyze refresh_token')
  return sizeOf(pool, 'refresh_token')
}

/** Logins and turns by Pawl itself. */
async function turns(
  pool: pg.Pool,
  given: {
    id: string
    what: string
    as: { ip?: string; userAgent?: string }
    sessions: number
    turns: number
    progress: Settings['progress']
  },
): Promise<Figure[]> {
  const { id, what, as, progress } = given
  const schema = `turns_${id}`
  let now = Date.now()
  const sessions = await createSessions({
    store: postgres({ pool, schema, listen: false }),
    secret: randomBytes(32),
    now: () => now,
    revocation: { maxStaleness: 86_400 },
    privacy: { pruneInterval: null },
    limits: { refreshesPerMinute: null },
  })
  const markWal = await openWal(pool)
  const ofLogins = await markWal()
  const { results: tokens } = await atOnce(AT_ONCE, given.sessions, async (index) => {
    const userId = `user-${String(index).padStart(8, '0')}`
    return (await sessions.create({ userId, claims: CLAIMS, ...as })).refreshToken.value
  })
  const loggedIn = await ofLogins()
  const afterLogin = await sizeOf(pool, `${schema}.sessions`)
  await pool.query(`vacuum analyze ${schema}.sessions`)
  const ofTurns = await markWal()
  for (let turn = 0; turn < given.turns; turn++) {
    progress(`turns, ${what}`, turn / given.turns)
    now += QUARTER_HOUR
    // Who comes next has nothing to do with who signed in after whom.
    shuffle(tokens)
    await atOnce(AT_ONCE, tokens.length, async (index) => {
      tokens[index] = await useOnce(sessions, tokens[index]!)
    })
    await sessions.flush()
  }
  const turned = await ofTurns()
  await sessions.close()
  const updates = given.sessions * given.turns
  const hot = await hotShare(pool, schema, updates)
  const afterTurns = await sizeOf(pool, `${schema}.sessions`)
  const bytes = (name: string, text: string, value: number): Figure => ({
    id: `space.${id}.${name}`,
    what: `${text} (${what})`,
    value,
    unit: 'B',
  })
  const small = given.sessions.toLocaleString('en-US')
  return [
    bytes(
      'after-login',
      `bytes of a session after its login, ${small} sessions`,
      afterLogin.table + afterLogin.indexes,
    ),
    bytes(
      'after-turns',
      `bytes of a session after ${given.turns} turns`,
      afterTurns.table + afterTurns.indexes,
    ),
    bytes(
      'wal-login',
      'bytes of write-ahead log for a login, without page images',
      loggedIn.records / given.sessions,
    ),
    bytes('wal-turn', 'bytes of write-ahead log for a turn, without page images', turned.records / updates),
    {
      id: `space.${id}.hot`,
      what: `turns that rewrote the row within its page (${what})`,
      value: hot * 100,
      unit: '%',
    },
  ]
}

async function useOnce(sessions: Sessions, token: string): Promise<string> {
  const { accessToken, refreshToken } = await sessions.refresh(token)
  sessions.verify(accessToken.value)
  return refreshToken!.value
}
