import { execFile } from 'node:child_process'
import { rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { createEmbeddedPostgres } from '../../demo/embedded-postgres.ts'

/** After a kill -9 the server cannot start until its orphaned backends have exited. */
const START_ATTEMPTS = 100
const START_PAUSE = 100

/** A PostgreSQL server with default durability. A run can crash it and restore an older state. */
export interface Database {
  readonly url: string
  readonly port: number
  /** Kills the server with -9 and starts it again after `downtime` milliseconds. */
  crash(downtime: number): Promise<void>
  /** Stops cleanly, copies the data directory, starts again. */
  backup(): Promise<void>
  /** Replaces the data with the copy. */
  restore(): Promise<void>
  query<T extends object>(text: string, values?: unknown[]): Promise<T[]>
  remove(): Promise<void>
}

export async function startDatabase(settings: readonly string[] = []): Promise<Database> {
  const embedded = await createEmbeddedPostgres(['max_connections=80', ...settings])

  async function start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await embedded.start()
      } catch (error) {
        if (attempt === START_ATTEMPTS) throw error
        await sleep(START_PAUSE)
      }
    }
  }

  async function query<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
    const client = new pg.Client({ connectionString: embedded.url, query_timeout: 10_000 })
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query<T>(text, values)).rows
    } finally {
      await client.end()
    }
  }

  let data: string
  try {
    await start()
    data = (await query<{ data_directory: string }>('show data_directory'))[0]!.data_directory
  } catch (error) {
    await embedded.remove()
    throw error
  }
  const copy = join(dirname(data), 'copy')

  return {
    url: embedded.url,
    port: Number(new URL(embedded.url).port),
    async crash(downtime) {
      await embedded.stop('SIGKILL')
      await sleep(downtime)
      await start()
    },
    async backup() {
      await embedded.stop()
      // `-a` keeps owner and mode, which PostgreSQL checks.
      await promisify(execFile)('cp', ['-a', data, copy])
      await start()
    },
    async restore() {
      await embedded.stop()
      await rm(data, { recursive: true })
      await rename(copy, data)
      await start()
    },
    query,
    remove: () => embedded.remove(),
  }
}
