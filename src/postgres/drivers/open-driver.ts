import type { Driver } from '../driver.ts'
import type { ResolvedPostgresOptions } from '../postgres-options.ts'
import type { Target } from '../target.ts'
import { listenClientOf } from './listen-client.ts'
import { createOwnPool } from './own-pool.ts'
import { pgDriver } from './pg.ts'
import { shareListenClient } from './shared-listen-client.ts'

/**
 * The driver that the options name.
 * @param onIdleError called when Pawl's own pool lost an idle connection
 */
export function openDriver(given: ResolvedPostgresOptions, target: Target, onIdleError: () => void): Driver {
  const { pool, connectionString, maxConnections } = given
  const openListenClient = sharedListenClient(given)
  if (pool !== null) return pgDriver(pool, { openListenClient, close: async () => {} })
  const own = createOwnPool(connectionString!, maxConnections, target, onIdleError)
  return pgDriver(own, { openListenClient, close: () => own.end() })
}

/** Stores of one pool, or of one connection string, share a connection if `listen` is the same. */
function sharedListenClient(given: ResolvedPostgresOptions): Driver['openListenClient'] {
  const open = given.readOnly ? null : listenClientOf(given)
  if (open === null) return null
  const { pool, connectionString, listen } = given
  return shareListenClient(open, pool ?? connectionString!, typeof listen === 'boolean' ? null : listen)
}
