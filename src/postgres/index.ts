import type { Store } from '../core/store.ts'
import { SchemaOutdatedError } from '../portable/errors.ts'
import { check } from '../portable/options/check.ts'
import { methodOptions } from '../portable/options/method-options.ts'
import { resolveTable } from '../portable/options/resolve-table.ts'
import { type Connection, createConnection } from './connection.ts'
import type { ListenClient } from './driver.ts'
import { listenClientOf } from './listen-client.ts'
import { assertMigrated, migrate } from './migrate.ts'
import { readMissingRows } from './missing-rows.ts'
import { createNames, type Names } from './names.ts'
import { POSTGRES_OPTIONS } from './option-table.ts'
import { createOwnPool } from './own-pool.ts'
import { watchPoolErrors } from './pool-errors.ts'
import type { PostgresOptions, ResolvedPostgresOptions } from './postgres-options.ts'
import { assertUsable } from './preflight.ts'
import { shareListenClient } from './shared-listen-client.ts'
import { isForbidden } from './sqlstate.ts'
import { readStatus } from './status.ts'
import { createPostgresStore } from './store.ts'
import type { StatusOptions, StoreStatus } from './store-status.ts'
import { describeTarget } from './target.ts'
import { withTimeout } from './with-timeout.ts'

export type { PoolLike } from './driver.ts'
export type { PostgresOptions } from './postgres-options.ts'
export type { SessionCounts, StatusOptions, StoreStatus } from './store-status.ts'

/** Milliseconds after which `createSessions` fails instead of waiting longer for the database. */
const START_TIMEOUT = 9000

/** A store on PostgreSQL that creates and updates its own schema. */
export interface PostgresStore extends Store {
  /** Applies missing migrations. `createSessions` does so unless `migrate` is `false`. @returns the ids it applied */
  migrate(): Promise<number[]>
  /**
   * The state of schema, sessions and table, for an operator. Works on a schema that is missing or outdated.
   * @throws StoreUnavailableError, SchemaOutdatedError when the role may not read the schema
   */
  status(options?: StatusOptions): Promise<StoreStatus>
}

/**
 * Stores sessions in PostgreSQL.
 *
 * @example
 * const store = postgres({ pool: new pg.Pool({ connectionString: process.env.DATABASE_URL }) })
 *
 * @throws InvalidOptionsError
 */
export function postgres(options: PostgresOptions): PostgresStore {
  const given = resolveTable<ResolvedPostgresOptions>(POSTGRES_OPTIONS, options)
  if (given.pool !== null && given.connectionString !== null)
    check.fail('pool', given.pool, 'a `pg` Pool only without `connectionString`: give one of the two')
  if (given.pool === null && given.connectionString === null)
    check.fail('pool', undefined, 'a `pg` Pool, unless you give `connectionString`')
  const names = createNames(given.schema)
  const where = describeTarget(given)
  const pool = given.pool ?? createOwnPool(given.connectionString!, given.maxConnections, where, onIdleError)
  const connection = createConnection(pool, where)
  /** The pool replaces a connection that it lost while idle. Without a handler this event would end the process. */
  function onIdleError(): void {
    connection.countLost()
  }
  const store = createPostgresStore(connection, names, given.schema, sharedListenClientOf(given))
  let unwatch: () => void = () => {}

  /** Tells the operator which privilege the role lacks. */
  async function explainForbidden<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      if (!isForbidden(error)) throw error
      throw new SchemaOutdatedError(
        `The database role may not create or read schema ${names.schema} at ${where}. ` +
          "Run `npx pawl migrate` with the owner's URL, grant the role its rights, and set `migrate: false`.",
      )
    }
  }

  async function prepare<T>(prepareSchema: (on: Connection, as: Names) => Promise<T>): Promise<T> {
    await assertUsable(connection, names, given.schema)
    return prepareSchema(connection, names)
  }

  return {
    ...store,
    sessionIdVersion: given.sessionIdVersion,
    missingRows: () => readMissingRows(connection, names),
    migrate: () => explainForbidden(prepare(migrate)),
    async status(wanted) {
      const statusOptions = methodOptions('status', wanted, 'exact', 'lastSeenBefore', 'onProgress')
      return explainForbidden(readStatus(connection, names, given.schema, statusOptions))
    },
    async start() {
      connection.reopen()
      if (given.pool !== null) unwatch = watchPoolErrors(given.pool, onIdleError)
      const preparation = prepare<unknown>(given.migrate ? migrate : assertMigrated)
      await explainForbidden(withTimeout(START_TIMEOUT, where, preparation))
    },
    async close() {
      connection.close()
      unwatch()
      if (given.pool === null) await pool.end()
    },
  }
}

/** Stores of one pool, or of one connection string, share a connection. */
function sharedListenClientOf(given: ResolvedPostgresOptions): (() => Promise<ListenClient>) | null {
  const open = listenClientOf(given)
  const url = typeof given.listen === 'string' ? given.listen : given.connectionString
  return open === null ? null : shareListenClient(open, given.pool, url)
}
