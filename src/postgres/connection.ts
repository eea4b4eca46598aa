import { createHash } from 'node:crypto'
import { delay } from '../core/time/delay.ts'
import { StoreUnavailableError } from '../portable/errors.ts'
import { isConflict, isConnectionError, isPreparedRefused, isRefused } from './sqlstate.ts'
import { types } from './types.ts'

/** What Pawl needs of a `pg` client: anything with its `query` of one config object. */
export interface Queryable {
  query(config: QueryConfig): Promise<{ rows: unknown[]; command?: string }>
}

export interface QueryConfig {
  readonly text: string
  readonly values: unknown[]
  readonly name?: string
  readonly types: typeof types
  /** Milliseconds after which the driver gives the statement and its connection up. */
  readonly query_timeout?: number
}

/** What Pawl needs of a client that a `pg` Pool has lent. */
export interface PooledClient extends Queryable {
  release(error?: Error | boolean): void
  on?(event: 'error', listener: () => void): unknown
  off?(event: 'error', listener: () => void): unknown
}

/** What Pawl needs of a `pg` Pool. */
export interface PoolLike extends Queryable {
  connect(): Promise<PooledClient>
  end(): Promise<void>
  on?(event: 'error', listener: () => void): unknown
  off?(event: 'error', listener: () => void): unknown
  readonly options?: {
    readonly host?: string | undefined
    readonly port?: number | undefined
    readonly connectionString?: string | undefined
    readonly database?: string | undefined
    readonly password?: unknown
    readonly max?: number | undefined
    readonly query_timeout?: number | undefined
  }
  /** How many connections there are, how many of them nobody uses, and how many statements wait for one. */
  readonly totalCount?: number
  readonly idleCount?: number
  readonly waitingCount?: number
  /** The class of its clients; LISTEN takes one more of them. */
  readonly Client?: new (
    config: object,
  ) => unknown
}

export type Row = Record<string, unknown>

/** Runs statements, with the retries that are safe and errors the rest of Pawl understands. */
export interface Connection {
  /** For statements that may be repeated: reads, and writes that are compare-and-set or idempotent. */
  query(text: string, values: unknown[], onRepeat?: () => void): Promise<Row[]>
  /** One transaction whose last commits a crash may lose; repeated whole on a conflict. */
  relaxed(text: string, values: unknown[]): Promise<Row[]>
  /** Makes every further statement fail, for good or until {@link reopen}. */
  close(): void
  reopen(): void
  /** Where it connects to, for messages; never holds a password. */
  readonly where: string
}

type Shared = Pick<QueryConfig, 'name' | 'query_timeout'>

const ATTEMPTS = 3
/** Milliseconds before the first retry; doubled and jittered after that. */
const PAUSE = 30
/** A statement that has taken this long is not tried again: the caller has better things to answer. */
const RETRY_WITHIN = 3000
/** A database that is frozen answers nothing at all, and a pool may wait for a connection for ever. */
export const ANSWER_WITHIN: number = 10_000
/** A statement nobody waits for any more, behind a lock for example, must not keep one of the pool's connections. */
const GIVE_UP_AFTER: number = ANSWER_WITHIN + 500
/** A pool that has answered nothing for this long, with so many waiting per connection, gets no more to do. */
const STUCK_AFTER = 2000
const MOST_WAITING = 20
const USUAL_POOL = 10

export function createConnection(pool: PoolLike, where: string): Connection {
  let prepared = true
  let closed = false
  let answeredAt = performance.now()
  const limits = { query_timeout: Math.min(GIVE_UP_AFTER, pool.options?.query_timeout || GIVE_UP_AFTER) }
  const named = new Map<string, Shared>()

  /** One name per text, so that a new release never meets an old statement under its name. */
  function sharedOf(text: string): Shared {
    let shared = named.get(text)
    if (shared === undefined) {
      const name = `pawl_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`
      shared = { ...limits, name }
      named.set(text, shared)
    }
    return shared
  }

  async function run(on: Queryable, text: string, values: unknown[]): Promise<Row[]> {
    if (prepared) {
      try {
        return (await on.query(configOf(text, values, sharedOf(text)))).rows as Row[]
      } catch (error) {
        // A transaction-mode pooler without support for prepared statements: do without, for good.
        if (!isPreparedRefused(error)) throw error
        prepared = false
      }
    }
    return (await on.query(configOf(text, values, limits))).rows as Row[]
  }

  /** What the operator has to look at where waiting for a connection is all that happened. */
  function poolState(): string {
    const { totalCount, idleCount, options } = pool
    const full = options?.max !== undefined && totalCount !== undefined && totalCount >= options.max
    return full && idleCount === 0 ? `; all ${totalCount} connections of the pool are in use` : ''
  }

  /** Whoever has been answered 503 leaves a statement in the pool's queue, which would grow without bound. */
  function refuseWhenStuck(): void {
    const { waitingCount = 0, options } = pool
    const tooMany = waitingCount > MOST_WAITING * (options?.max ?? USUAL_POOL)
    if (tooMany && performance.now() - answeredAt > STUCK_AFTER)
      throw new StoreUnavailableError(
        `PostgreSQL at ${where} is not asked: ${waitingCount} statements wait${poolState()}`,
      )
  }

  async function retrying<T>(attempt: () => Promise<T>, onRepeat: () => void = () => {}): Promise<T> {
    const startedAt = performance.now()
    for (let tried = 1; ; tried++) {
      if (closed) throw new StoreUnavailableError('the sessions have been closed')
      refuseWhenStuck()
      try {
        const result = await within(ANSWER_WITHIN, where, attempt(), poolState)
        answeredAt = performance.now()
        return result
      } catch (error) {
        const unreachable = isConnectionError(error)
        const early = performance.now() - startedAt < RETRY_WITHIN
        if (tried < ATTEMPTS && early && (unreachable || isConflict(error))) {
          onRepeat()
          await delay(PAUSE * 2 ** tried * (0.5 + Math.random()))
          continue
        }
        throw unreachable || isConflict(error) || isRefused(error)
          ? unavailable(error, where, poolState())
          : error
      }
    }
  }

  return {
    where,
    close() {
      closed = true
    },
    reopen() {
      closed = false
    },
    query: (text, values, onRepeat) => retrying(() => run(pool, text, values), onRepeat),
    relaxed: (text, values) =>
      retrying(async () => {
        const client = await pool.connect()
        let failed: Error | undefined
        // The pool listens only while a client is idle, and an `error` nobody listens to ends the process.
        // The statement that was running fails with it, so there is nothing to do here.
        const ignore = (): void => {}
        client.on?.('error', ignore)
        try {
          await client.query(configOf('begin', [], limits))
          await client.query(configOf('set local synchronous_commit = off', [], limits))
          const rows = (await client.query(configOf(text, values, limits))).rows as Row[]
          const { command } = await client.query(configOf('commit', [], limits))
          // A transaction that had failed answers COMMIT with ROLLBACK, and with no error.
          if (command !== 'COMMIT') throw new Error('the transaction was rolled back')
          return rows
        } catch (error) {
          failed = error as Error
          throw error
        } finally {
          // A connection in doubt is thrown away; the server rolls back what it left open.
          client.release(failed)
          client.off?.('error', ignore)
        }
      }),
  }
}

/**
 * What is the same each time is inherited, because `pg` copies each property of a config's own by its descriptor:
 * two less save half of the 5 µs that takes. `types` is its own all the same: whoever copies a config on its way, to write a comment into
 * its text for example, must get the same results.
 */
function configOf(text: string, values: unknown[], shared: Shared): QueryConfig {
  const config = Object.create(shared)
  config.text = text
  config.values = values
  config.types = types
  return config
}

/** @throws StoreUnavailableError when the work takes longer than `ms`; what becomes of it then is not waited for */
export function within<T>(
  ms: number,
  where: string,
  work: Promise<T>,
  state: () => string = () => '',
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const what = `PostgreSQL at ${where} did not answer within ${ms / 1000} s${state()}`
      reject(new StoreUnavailableError(what))
    }, ms)
    work.then(
      (result) => {
        clearTimeout(timer)
        resolve(result)
      },
      (error: unknown) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}

export function unavailable(cause: unknown, where: string, state = ''): StoreUnavailableError {
  const what = isRefused(cause)
    ? `refused the connection: ${(cause as Error).message}`
    : `cannot be reached or is not answering${state}`
  return new StoreUnavailableError(`PostgreSQL at ${where} ${what}`, { cause })
}
