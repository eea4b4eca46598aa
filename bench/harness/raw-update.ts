import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { atOnce } from './rounds.ts'

/** The yardstick of a durable write: one row changed by its primary key, so many clients at once. */
export interface RawUpdate {
  /** How it is done: `pgbench`, or as many connections of `pg` where that is not installed. */
  readonly by: string
  /** @returns nanoseconds of one update, of the whole time divided */
  measure(seconds: number): Promise<number>
  close(): Promise<void>
}

const ROWS = 10_000
const run = promisify(execFile)

export async function createRawUpdate(database: string, clients: number): Promise<RawUpdate> {
  const pool = new pg.Pool({ connectionString: database, max: clients })
  await pool.query(
    `create table counters (id integer primary key, n integer not null) with (fillfactor = 85)`,
  )
  await pool.query(`insert into counters select id, 0 from generate_series(1, ${ROWS}) id`)
  const installed = await run('pgbench', ['--version']).then(
    () => true,
    () => false,
  )
  if (!installed)
    return {
      by: `${clients} connections of pg`,
      measure: (seconds) => withPg(pool, clients, seconds),
      close: () => pool.end(),
    }
  const directory = await mkdtemp(join(tmpdir(), 'pawl-pgbench-'))
  const script = join(directory, 'update.sql')
  await writeFile(script, `\\set id random(1, ${ROWS})\nupdate counters set n = n + 1 where id = :id;\n`)
  return {
    by: `pgbench with ${clients} clients`,
    async measure(seconds) {
      const load = ['-c', String(clients), '-j', '1', '-T', String(seconds)]
      const { stdout } = await run('pgbench', ['-n', '-M', 'prepared', ...load, '-f', script, database])
      const tps = /tps = ([\d.]+)/.exec(stdout)?.[1]
      if (tps === undefined) throw new Error(`pgbench said: ${stdout}`)
      return 1e9 / Number(tps)
    },
    async close() {
      await rm(directory, { recursive: true, force: true })
      await pool.end()
    },
  }
}

async function withPg(pool: pg.Pool, clients: number, seconds: number): Promise<number> {
  const until = performance.now() + seconds * 1000
  let done = 0
  const startedAt = process.hrtime.bigint()
  await atOnce(clients, clients, async () => {
    while (performance.now() < until) {
      const id = 1 + Math.floor(Math.random() * ROWS)
      const { rowCount } = await pool.query({
        name: 'update',
        text: 'update counters set n = n + 1 where id = $1',
        values: [id],
      })
      if (rowCount !== 1) throw new Error('an update changed nothing')
      done++
    }
  })
  return Number(process.hrtime.bigint() - startedAt) / done
}
