import { ANSWER_WITHIN } from '../connection.ts'
import type { Target } from '../target.ts'
import { loadPg } from './load-pg.ts'
import type { PoolLike } from './pg-pool.ts'

/** Milliseconds for one connection attempt. */
export const CONNECT_TIMEOUT = 5000

/**
 * Pawl's own pool. Loads `pg`, an optional peer dependency, with the first statement.
 * @param max how many connections it has, asked with the first statement
 * @param onIdleError called when the pool lost an idle connection
 */
export function createOwnPool(
  connectionString: string,
  max: () => number,
  target: Target,
  onIdleError: () => void,
): PoolLike {
  let opening: Promise<PoolLike> | null = null

  function open(): Promise<PoolLike> {
    opening ??= loadPg().then((pg) => {
      target.useDriver(pg.Client)
      target.assertOneHost()
      const pool = new pg.Pool({
        connectionString,
        max: max(),
        connectionTimeoutMillis: CONNECT_TIMEOUT,
        query_timeout: ANSWER_WITHIN,
        keepAlive: true,
        application_name: 'pawl',
        allowExitOnIdle: true,
      })
      pool.on('error', onIdleError)
      return pool as unknown as PoolLike
    })
    return opening
  }

  return {
    query: async (config) => (await open()).query(config),
    connect: async (callback) => (await open()).connect(callback),
    async end() {
      // A store whose start failed may be started again. It then opens a new pool.
      const closing = opening
      opening = null
      // Without the driver, or with a mistake in the environment, there is no pool to end.
      const pool = await closing?.catch(() => null)
      await pool?.end()
    },
  }
}
