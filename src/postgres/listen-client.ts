import type { ListenClient } from './driver.ts'
import { CONNECT_TIMEOUT } from './own-pool.ts'
import type { ResolvedPostgresOptions } from './postgres-options.ts'

/** @returns a function that makes the client for LISTEN, or `null` when LISTEN is off or not possible */
export function listenClientOf({
  pool,
  connectionString,
  listen,
}: ResolvedPostgresOptions): (() => Promise<ListenClient>) | null {
  if (listen === false) return null
  const url = typeof listen === 'string' ? listen : connectionString
  // A wrapped pool does not show how to connect. The process then relies on polling.
  if (pool !== null && url === null && (pool.Client === undefined || pool.options === undefined)) return null
  return async () => {
    const Client = pool?.Client ?? (await import('pg')).default.Client
    const target =
      url === null
        ? // The password is not enumerable, so the spread does not copy it.
          { ...pool?.options, password: pool?.options?.password }
        : { connectionString: url }
    const settings = {
      application_name: 'pawl listen',
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_TIMEOUT,
    }
    return new Client({ ...target, ...settings } as object) as ListenClient
  }
}
