import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type pg from 'pg'

const ROWS = 10_000
const run = promisify(execFile)

/** Updates of one row by its primary key, which is the fastest durable write. */
export interface Pgbench {
  /** @returns nanoseconds per update */
  measure(seconds: number): Promise<number>
  close(): Promise<void>
}

/** @returns null if pgbench is not installed */
export async function createPgbench(
  pool: pg.Pool,
  database: string,
  clients: number,
): Promise<Pgbench | null> {
  const installed = await run('pgbench', ['--version']).catch(() => null)
  if (installed === null) return null
  await pool.query(
    'create table counters (id integer primary key, n integer not null) with (fillfactor = 85)',
  )
  await pool.query(`insert into counters select id, 0 from generate_series(1, ${ROWS}) id`)
  const directory = await mkdtemp(join(tmpdir(), 'pawl-pgbench-'))
  const script = join(directory, 'update.sql')
  await writeFile(script, `\\set id random(1, ${ROWS})\nupdate counters set n = n + 1 where id = :id;\n`)
  return {
    async measure(seconds) {
      const load = ['-c', String(clients), '-j', '1', '-T', String(seconds)]
      const { stdout } = await run('pgbench', ['-n', '-M', 'prepared', ...load, '-f', script, database])
      const rate = /tps = ([\d.]+)/.exec(stdout)?.[1]
      if (rate === undefined) throw new Error(`pgbench printed no rate: ${stdout}`)
      return 1e9 / Number(rate)
    },
    close: () => rm(directory, { recursive: true, force: true }),
  }
}
