import { execFile } from 'node:child_process'
import { rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { createEmbeddedPostgres } from '../../demo/embedded-postgres.ts'

/** After a kill -9 the orphaned backends must have gone before the server starts again. */
const START_ATTEMPTS = 100
const START_PAUSE = 100

/** A PostgreSQL of a run's own, with its default durability, that can crash and go back in time. */
export interface Database {
  readonly url: string
  readonly port: number
  /** `kill -9` and a start, with a pause in between. */
  crash(pause: number): Promise<void>
  /** Stops cleanly, copies the data directory, starts again. */
  backup(): Promise<void>
  /** Puts the copy in the place of the data. */
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
    async crash(pause) {
      await embedded.stop('SIGKILL')
      await sleep(pause)
      await start()
    },
    async backup() {
      await embedded.stop()
      // Owner and mode matter to PostgreSQL.
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
