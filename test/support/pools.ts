import type { Pool, QueryConfig } from 'pg'
import type { PoolLike } from '../../src/postgres/index.ts'

type Config = Parameters<PoolLike['query']>[0]
type Answer = Awaited<ReturnType<PoolLike['query']>>
type Around = (config: Config, run: () => Promise<Answer>) => Promise<Answer>

/** Wraps every statement of the pool, in transactions too. */
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

/** Records the first word of every statement. */
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

/** A sent statement, and how many rows it returned or changed. */
export interface Sent {
  readonly text: string
  readonly rows: number
}

/** Statements of background work: keys, the clock, the feed and notifications. */
const BACKGROUND = /signing_keys|clock_timestamp|invalidated_at >=|pg_notify/

/**
 * Records the statements of calls, without background work.
 * @param before runs before each of these statements
 */
export function watching(
  pool: Pool,
  before: (config: Config) => Promise<unknown> = async () => {},
): { pool: PoolLike /** The statements since the last call. */; sent(): Sent[] } {
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

/** An error like those of the driver. */
export function driverError(code?: string): Error {
  return Object.assign(new Error(`made by a test (${code})`), code === undefined ? {} : { code })
}

const isScalar = (value: unknown): boolean =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value)

/** Passes on the values that every driver carries, and fails for others: bytes, dates, objects and nested arrays. */
export function strict(pool: Pool): {
  pool: PoolLike /** The texts of all statements. */
  texts: Set<string>
} {
  const texts = new Set<string>()
  const checked = aroundQueries(pool, (config, run) => {
    texts.add(config.text)
    for (const [index, value] of config.values.entries())
      if (!(Array.isArray(value) ? value.every(isScalar) : isScalar(value)))
        throw new TypeError(`not every driver carries $${index + 1} of: ${config.text}`)
    return run()
  })
  return { texts, pool: { ...checked, Client: (pool as PoolLike).Client! } }
}
