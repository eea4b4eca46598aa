import type { Driver, RunStatement, Statement } from '../driver.ts'
import { toError } from '../driver-error.ts'
import type { PooledClient, PoolLike, Queryable, QueryConfig } from './pg-pool.ts'
import { watchPoolErrors } from './pool-errors.ts'
import { types } from './types.ts'

/**
 * Takes a connection out of a pool, with a listener for its errors. The pool calls back while it reads from the
 * connection. A promise resolves later, and the server may have ended the connection right behind the last answer.
 */
function takeClient(pool: PoolLike, onError: () => void): Promise<PooledClient> {
  return new Promise((resolve, reject) => {
    let settled: PooledClient | 'failed' | null = null
    const fail = (error: unknown): void => {
      settled ??= 'failed'
      reject(error)
    }
    const take = (client: PooledClient | undefined): void => {
      if (client === undefined || client === settled) return
      if (settled === null) {
        settled = client
        client.on?.('error', onError)
        resolve(client)
      } else {
        // Nobody else would give it back.
        client.release()
      }
    }
    // A wrapper without parameters returns the connection. Others may do both.
    const returned: Promise<PooledClient | undefined> | undefined =
      pool.connect.length === 0
        ? pool.connect()
        : pool.connect((error, client) => (client === undefined ? fail(error) : take(client)))
    Promise.resolve(returned).then(take, fail)
  })
}

/** A `pg` Pool, or one that works like it. */
export function pgDriver(
  pool: PoolLike,
  more: Pick<Driver, 'openListenClient' | 'close'> = { openListenClient: null, close: async () => {} },
): Driver {
  function configOf({ text, values, name, within }: Statement): QueryConfig {
    const config = { text, values: values as unknown[], name, types }
    if (within === undefined) return config
    return { ...config, query_timeout: Math.min(within, pool.options?.query_timeout || within) }
  }
  const runOn =
    (queryable: Queryable): RunStatement =>
    async (statement) =>
      (await queryable.query(configOf(statement))).rows as Awaited<ReturnType<RunStatement>>

  /** Runs statements on one connection, which is closed if one of them fails. */
  async function onClient<T>(work: (client: PooledClient) => Promise<T>): Promise<T> {
    // The pool handles `error` events of idle clients only, and an unhandled one ends the process.
    // The running statement fails as well, so this handler has nothing to do.
    const ignore = (): void => {}
    const client = await takeClient(pool, ignore)
    let failure: Error | undefined
    try {
      return await work(client)
    } catch (error) {
      failure = toError(error)
      throw error
    } finally {
      // After a failure the pool closes the connection, and the server rolls back an open transaction.
      client.release(failure)
      client.off?.('error', ignore)
    }
  }

  return {
    query: runOn(pool),
    transaction: (within, work) =>
      onClient(async (client) => {
        await client.query(configOf({ text: 'begin', values: [], within }))
        const result = await work(runOn(client))
        const { command } = await client.query(configOf({ text: 'commit', values: [], within }))
        // PostgreSQL answers COMMIT of a failed transaction with ROLLBACK, without an error.
        if (command !== 'COMMIT')
          throw new Error('PostgreSQL rolled the transaction back instead of committing it')
        return result
      }),
    using(client) {
      if (typeof (client as Queryable | null)?.query !== 'function')
        throw new TypeError('`using` takes the `pg` client on which you began the transaction')
      return runOn(client as Queryable)
    },
    load: () => ({
      max: pool.options?.max,
      total: pool.totalCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
    }),
    watch: (onLost) => watchPoolErrors(pool, onLost),
    ...more,
  }
}
