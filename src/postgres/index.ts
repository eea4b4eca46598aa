import type { ListenFailure, Store } from '../core/store.ts'
import type { StatusOptions, StoreStatus } from '../core/store-status.ts'
import { SchemaOutdatedError } from '../portable/errors.ts'
import { check } from '../portable/options/check.ts'
import { methodOptions } from '../portable/options/method-options.ts'
import { resolveTable } from '../portable/options/resolve-table.ts'
import { createAudit } from './audit/audit.ts'
import { createConnection } from './connection.ts'
import { type DistributedTables, distribute } from './distribute.ts'
import { readDistribution } from './distribution.ts'
import { assertOneDatabase, openDriver } from './drivers/open-driver.ts'
import { createInspection } from './inspection/inspection.ts'
import { assertMigrated, migrate, pendingAfter } from './migrate.ts'
import { readMissingRows } from './missing-rows.ts'
import { createNames } from './names.ts'
import { POSTGRES_OPTIONS } from './option-table.ts'
import type { PostgresOptions, ResolvedPostgresOptions } from './postgres-options.ts'
import { assertTablesUsable, assertUsable } from './preflight.ts'
import { probeListen } from './probe-listen.ts'
import { QUERIES } from './queries.ts'
import { readOnlyStore } from './read-only.ts'
import { describeMissingRights, explainForbidden, type Query } from './rights.ts'
import { isForbidden } from './sqlstate.ts'
import { readStartState } from './start-state.ts'
import { readListening, readStatus, STATUS_OF_PAGE } from './status.ts'
import { createPostgresStore } from './store.ts'
import { createTarget } from './target.ts'
import { withTimeout } from './with-timeout.ts'
import { assertTakesWrites, assertWritable } from './writable.ts'

export type {
  SessionCounts,
  StatusOptions,
  StoredKey,
  StoreLayout,
  StoreStatus,
  TableLayout,
  UnknownPart,
} from '../core/store-status.ts'
export type { DistributedTables } from './distribute.ts'
export type { PoolLike } from './drivers/pg-pool.ts'
export type { PGliteLike } from './drivers/pglite.ts'
export type { SqlFunction } from './drivers/sql.ts'
export type { ListenConfig } from './listen-config.ts'
export type { PostgresOptions } from './postgres-options.ts'

/** Milliseconds after which `createSessions` fails instead of waiting longer for the database. */
const START_TIMEOUT = 9000
/** The size of Pawl's own pool with `serverless`: a poll and a measurement of the clock at once, and many processes. */
const SERVERLESS_CONNECTIONS = 2

/** A store on PostgreSQL that creates and updates its own schema. */
export interface PostgresStore extends Store {
  /**
   * Applies the missing migrations. `createSessions` does so too, unless `migrate` is `false`.
   * @returns the ids of the migrations that it applied
   * @throws SchemaOutdatedError if the role lacks rights, or the schema is of a later release
   * @throws StoreUnavailableError if the database cannot be reached
   */
  migrate(): Promise<number[]>
  /**
   * Distributes the table of sessions by its id over the nodes of Citus, after the missing migrations. It makes the other
   * tables visible to the workers. You may repeat it. Writers wait while rows move: about half a second for 100,000
   * sessions.
   * @throws SchemaOutdatedError on any server but a Citus coordinator, and for another layout of the table of sessions
   */
  distribute(): Promise<DistributedTables>
  /**
   * Reads the state of the schema, the sessions and the table, for an operator. It also works if the schema is missing or
   * outdated. A part that cannot be read is `null`, and `unknown` names it.
   * @throws TypeError for an unknown option
   * @throws StoreUnavailableError if the server does not answer at all
   */
  status(options?: StatusOptions): Promise<StoreStatus>
}

/**
 * Makes a store that keeps the sessions in PostgreSQL. It connects when `createSessions` starts.
 *
 * @example
 * const store = postgres({ pool: new pg.Pool({ connectionString: process.env.DATABASE_URL }) })
 *
 * @throws InvalidOptionsError for an option that is unknown, wrong or in conflict with another one
 */
export function postgres(options: PostgresOptions): PostgresStore {
  const given = resolveTable<ResolvedPostgresOptions>(POSTGRES_OPTIONS, options)
  assertOneDatabase(given, options)
  if (given.readOnly && options.migrate === true)
    check.fail('migrate', true, '`false` with `readOnly`: the process on the primary migrates')
  /** The default gives way, and what the application has written does not. */
  function refuseListen(takes: string): void {
    if (options.listen !== undefined && options.listen !== false) check.fail('listen', options.listen, takes)
  }
  if (given.readOnly) refuseListen('`false` with `readOnly`: a standby has no LISTEN, and the process polls')
  let isServerless = false
  const poolSize = (): number =>
    isServerless && options.maxConnections === undefined ? SERVERLESS_CONNECTIONS : given.maxConnections
  const names = createNames(given.schema)
  const target = createTarget(given)
  const driver = openDriver(given, poolSize, target, onIdleError)
  const connection = createConnection(driver, target, (error, text) =>
    explainForbidden(queryCatalog, names, given.schema, target.where, error, text, given.readOnly),
  )
  /** The pool replaces a connection that it lost while idle. Without a handler this event would end the process. */
  function onIdleError(): void {
    connection.countLost()
  }
  const { openListenClient } = driver
  let isDistributed = false
  const audit = createAudit(given)
  const store = createPostgresStore(
    connection,
    names,
    given.schema,
    driver,
    {
      isDistributed: () => isDistributed,
      isServerless: () => isServerless,
    },
    audit,
  )
  let unwatch: () => void = () => {}
  const probe = (): Promise<ListenFailure | null> | null =>
    openListenClient === null
      ? null
      : probeListen(openListenClient, names, given.schema, (name, values) =>
          connection.query(names.fill(QUERIES[name]), values),
        )

  const queryCatalog: Query = (text, values) => connection.query(text, values)

  /** At the start a missing right is a matter of the schema, not of the server. */
  async function asSchemaError<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      if (!isForbidden(error)) throw error
      throw new SchemaOutdatedError((error as Error).message)
    }
  }

  async function assertFits(): Promise<void> {
    if (!given.readOnly) await assertWritable(connection)
    await assertUsable(connection, names, given.schema)
  }

  async function prepare(): Promise<number[]> {
    await assertFits()
    return migrate(connection, names, given.schema)
  }

  /** One round trip if the schema is up to date. @returns the time of the database, or null for {@link startStepwise} */
  async function startAtOnce(): Promise<number | null> {
    const state = await readStartState(connection, names, given.schema)
    if (state === null) return null
    const { where } = connection.target
    if (!given.readOnly) assertTakesWrites(state.server, where)
    assertTablesUsable(state.tables, names, where)
    if (pendingAfter(state.applied).length > 0) return null
    isDistributed = false
    return state.now
  }

  async function startStepwise(): Promise<null> {
    if (given.migrate && !given.readOnly) await prepare()
    else {
      await assertFits()
      await assertMigrated(connection, names)
    }
    isDistributed = (await readDistribution(connection, names)).sessions === 'distributed'
    return null
  }

  const full: PostgresStore = {
    ...store,
    inspect: createInspection(
      connection,
      names,
      () => readStatus(driver, connection, names, given.schema, {}, () => null, STATUS_OF_PAGE),
      () => readListening(probe),
      audit,
    ),
    sessionIdVersion: given.sessionIdVersion,
    missingRows: () => readMissingRows(connection, names),
    async migrate() {
      await driver.open?.()
      return asSchemaError(prepare())
    },
    distribute: () => asSchemaError(distribute(connection, names, prepare)),
    async status(wanted) {
      const statusOptions = methodOptions('status', wanted, 'exact', 'lastSeenBefore', 'onProgress')
      return readStatus(driver, connection, names, given.schema, statusOptions, probe)
    },
    async start({ serverless = false } = {}) {
      if (serverless)
        refuseListen(
          'nothing or `false` with `serverless`: a frozen process hears nothing, so it polls when a request comes',
        )
      isServerless = serverless
      connection.reopen()
      target.assertOneHost()
      unwatch = driver.watch?.(onIdleError) ?? unwatch
      await driver.open?.()
      const started = async (): Promise<number | null> => {
        const time = (await startAtOnce()) ?? (await startStepwise())
        await audit.start(connection, names, isDistributed, () =>
          describeMissingRights(queryCatalog, names, given.schema, true),
        )
        return time
      }
      return asSchemaError(withTimeout(START_TIMEOUT, target, started()))
    },
    async close() {
      connection.close()
      unwatch()
      await driver.close()
    },
  }
  return given.readOnly ? readOnlyStore(full) : full
}
