import type { Pool, QueryConfig } from 'pg'
import type { PoolLike } from '../../src/postgres/index.ts'

type Config = Parameters<PoolLike['query']>[0]
type Answer = Awaited<ReturnType<PoolLike['query']>>
type Around = (config: Config, run: () => Promise<Answer>) => Promise<Answer>

/** The pool with something around every statement, in transactions too. */
export function aroundQueries(pool: Pool, around: Around): PoolLike {
  const through = (on: Pick<Pool, 'query'>, config: Config): Promise<Answer> =>
    around(config, () => on.query(config as QueryConfig))
  return {
    query: (config) => through(pool, config),
    async connect() {
      const client = await pool.connect()
      return {
        query: (config) => through(client as unknown as Pool, config),
        release: (error) => client.release(error),
      }
    },
    end: () => pool.end(),
    options: pool.options,
  }
}

/** The pool, and the first words of every statement sent through it. */
export function recording(pool: Pool): { pool: PoolLike; statements: string[] } {
  const statements: string[] = []
  return {
    statements,
    pool: aroundQueries(pool, (config, run) => {
      statements.push(config.text.split(/\s/, 1)[0]!)
      return run()
    }),
  }
}

/** A statement that was sent, and how many rows came back or changed. */
export interface Sent {
  readonly text: string
  readonly rows: number
}

/** What a process asks by itself now and then, whatever it is used for: keys, the time, the feed, to notify others. */
const BACKGROUND = /signing_keys|clock_timestamp|invalidated_at >=|pg_notify/

/**
 * The pool, and what calls send through it.
 * @param before is done before each of these statements
 */
export function watching(
  pool: Pool,
  before: (config: Config) => Promise<unknown> = async () => {},
): { pool: PoolLike /** Since it was last asked. */; sent(): Sent[] } {
  const sent: Sent[] = []
  return {
    sent: () => sent.splice(0),
    pool: aroundQueries(pool, async (config, run) => {
      if (BACKGROUND.test(config.text)) return run()
      await before(config)
      const answer = await run()
      sent.push({ text: config.text, rows: (answer as { rowCount?: number | null }).rowCount ?? 0 })
      return answer
    }),
  }
}

/** An error as the driver makes it. */
export function driverError(code?: string): Error {
  return Object.assign(new Error(`made by a test (${code})`), code === undefined ? {} : { code })
}
