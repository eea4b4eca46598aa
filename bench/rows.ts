import { parseArgs } from 'node:util'
import pg from 'pg'
import { createEmbeddedPostgres } from '../demo/embedded-postgres.ts'
import { createSessions, type Sessions } from '../src/index.ts'
import { postgres } from '../src/postgres/index.ts'

const HELP = `What a session costs in PostgreSQL: bytes of table and index, WAL per login and per turn, and how
many turns stay within their page.

Usage: npm run bench:rows -- [--sessions 5000] [--turns 4] [--json]

Uses a PostgreSQL of its own, or DATABASE_URL (in a schema that is dropped afterwards).
`

const SCHEMA = 'pawl_bench_rows'
const AT_ONCE = 20
const QUARTER_HOUR = 15 * 60_000
const MOST = 100_000

/** One measurement; bytes unless it says otherwise. */
interface Report {
  readonly sessions: number
  readonly turnsEach: number
  readonly afterLogin: { readonly table: number; readonly indexes: number }
  readonly afterTurns: { readonly table: number; readonly indexes: number }
  readonly wal: { readonly perLogin: number; readonly perTurn: number }
  /** Share of turns that rewrote the row within its page. */
  readonly withinPage: number
}

async function measure(url: string, count: number, turns: number): Promise<Report> {
  const pool = new pg.Pool({ connectionString: url, max: 10 })
  let now = Date.now()
  const sessions = await createSessions({
    store: postgres({ pool, schema: SCHEMA }),
    secret: 'cm93cy1iZW5jaC1zZWNyZXQtMDEyMzQ1Njc4OUFCQ0Q',
    now: () => now,
    pruneInterval: null,
    refreshLimit: null,
    tokenCacheBytes: 0,
  })
  const one = async (sql: string): Promise<Record<string, string>> => (await pool.query(sql)).rows[0]
  const size = async (): Promise<{ table: number; indexes: number }> => {
    const sizes = await one(
      `select pg_relation_size('${SCHEMA}.sessions') t, pg_indexes_size('${SCHEMA}.sessions') i`,
    )
    return { table: Math.round(Number(sizes['t']) / count), indexes: Math.round(Number(sizes['i']) / count) }
  }
  const wal = async (): Promise<number> =>
    Number((await one(`select pg_current_wal_lsn() - '0/0' lsn`))['lsn'])
  try {
    const before = await wal()
    let tokens = await inTurns(count, (index) => logIn(sessions, index))
    const loggedIn = await wal()
    const afterLogin = await size()
    await pool.query(`vacuum analyze ${SCHEMA}.sessions`)
    const vacuumed = await wal()
    for (let turn = 0; turn < turns; turn++) {
      now += QUARTER_HOUR
      // Who comes next has nothing to do with who signed in after whom.
      shuffle(tokens)
      tokens = await inTurns(count, (index) => useOnce(sessions, tokens[index]!))
      await sessions.flush()
    }
    const turned = await wal()
    const stats = await waitForStats(pool, count * turns)
    return {
      sessions: count,
      turnsEach: turns,
      afterLogin,
      afterTurns: await size(),
      wal: {
        perLogin: Math.round((loggedIn - before) / count),
        perTurn: Math.round((turned - vacuumed) / (count * turns)),
      },
      withinPage: stats.hot / stats.all,
    }
  } finally {
    await sessions.close()
    await pool.query(`drop schema if exists ${SCHEMA} cascade`)
    await pool.end()
  }
}

/** As an ordinary application would have it: an address, a browser, a role. */
async function logIn(sessions: Sessions, index: number): Promise<string> {
  const { refreshToken } = await sessions.create({
    userId: `user-${index}`,
    claims: { role: 'member' },
    ip: '203.0.113.77',
    userAgent:
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  })
  return refreshToken.value
}

async function useOnce(sessions: Sessions, token: string): Promise<string> {
  const { accessToken, refreshToken } = await sessions.refresh(token)
  sessions.verify(accessToken.value)
  return refreshToken?.value ?? token
}

/** The same order in each run. */
function shuffle(tokens: string[]): void {
  let state = 1
  for (let index = tokens.length - 1; index > 0; index--) {
    state = (state * 48_271) % 0x7fffffff
    const other = state % (index + 1)
    ;[tokens[index], tokens[other]] = [tokens[other]!, tokens[index]!]
  }
}

/** `work` for each index, so many at once. */
async function inTurns<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < count) {
        const index = next++
        results[index] = await work(index)
      }
    }),
  )
  return results
}

/** Backends report what they did now and then; bounded, as a report may be lost. */
async function waitForStats(pool: pg.Pool, updates: number): Promise<{ all: number; hot: number }> {
  for (let attempt = 0; ; attempt++) {
    const { rows } = await pool.query(
      `select n_tup_upd u, n_tup_hot_upd h from pg_stat_user_tables where schemaname = $1 and relname = 'sessions'`,
      [SCHEMA],
    )
    const all = Number(rows[0].u)
    if (all >= updates || attempt === 20) return { all, hot: Number(rows[0].h) }
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

const { values } = parseArgs({
  options: {
    sessions: { type: 'string', default: '5000' },
    turns: { type: 'string', default: '4' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const count = Number(values.sessions)
const turns = Number(values.turns)
if (values.help) process.stdout.write(HELP)
else if (
  !Number.isInteger(count) ||
  count < 1 ||
  count > MOST ||
  !Number.isInteger(turns) ||
  turns < 1 ||
  turns > 100
) {
  process.stderr.write(HELP)
  process.exitCode = 2
} else {
  const own = process.env['DATABASE_URL'] === undefined ? await createEmbeddedPostgres() : null
  try {
    await own?.start()
    const report = await measure(own?.url ?? process.env['DATABASE_URL']!, count, turns)
    if (values.json) console.log(JSON.stringify(report))
    else {
      const { afterLogin, afterTurns, wal, withinPage } = report
      console.log(`${count} sessions, ${turns} turns each; bytes per session:`)
      console.log(`  after login   table ${afterLogin.table}, indexes ${afterLogin.indexes}`)
      console.log(`  after turns   table ${afterTurns.table}, indexes ${afterTurns.indexes}`)
      console.log(`  WAL           ${wal.perLogin} a login, ${wal.perTurn} a turn`)
      console.log(`  ${(withinPage * 100).toFixed(1)} % of turns rewrote the row within its page`)
    }
  } finally {
    await own?.remove()
  }
}
