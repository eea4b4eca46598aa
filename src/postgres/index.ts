import type { Store } from '../core/store.ts'
import { SchemaOutdatedError } from '../portable/errors.ts'
import { check } from '../portable/options/check.ts'
import { resolveTable } from '../portable/options/resolve-table.ts'
import { ANSWER_WITHIN, createConnection, type PoolLike, unavailable, within } from './connection.ts'
import type { ListenClient } from './listen.ts'
import { assertMigrated, migrate } from './migrate.ts'
import { createNames } from './names.ts'
import { POSTGRES_OPTIONS } from './option-table.ts'
import type { PostgresOptions, ResolvedPostgresOptions } from './postgres-options.ts'
import { isForbidden } from './sqlstate.ts'
import { readStatus } from './status.ts'
import { createPostgresStore } from './store.ts'
import type { StatusOptions, StoreStatus } from './store-status.ts'

export type { PoolLike } from './connection.ts'
export type { PostgresOptions } from './postgres-options.ts'
export type { SessionCounts, StatusOptions, StoreStatus } from './store-status.ts'

/** `createSessions` fails rather than waits when nothing answers for this long, in ms. */
const START_WITHIN = 9000
const CONNECT_WITHIN = 5000

/** A store on PostgreSQL that can also bring its schema up to date on its own. */
export interface PostgresStore extends Store {
  /** Applies what is missing. Done by `createSessions` unless `migrate` is off. @returns the ids applied */
  migrate(): Promise<number[]>
  /**
   * The state of schema, sessions and table, for an operator. Works on a schema that is missing or outdated.
   * @throws StoreUnavailableError, SchemaOutdatedError when the role may not read the schema
   */
  status(options?: StatusOptions): Promise<StoreStatus>
}

/**
 * Sessions in PostgreSQL.
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
  const pool = given.pool ?? lazyPool(given.connectionString!, given.maxConnections, where)
  const connection = createConnection(pool, where)
  const listen = given.listen === false ? null : listenClient(given)
  const store = createPostgresStore(connection, names, given.schema, listen)

  const explaining = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => Promise.reject(explained(error, where, names.schema)))

  return {
    ...store,
    sessionIdVersion: given.sessionIdVersion,
    migrate: () => explaining(migrate(connection, names)),
    status: (what = {}) => explaining(readStatus(connection, names, given.schema, what)),
    async start() {
      connection.reopen()
      given.pool?.on?.('error', ignore)
      const prepare = given.migrate ? migrate : assertMigrated
      await explaining(within<unknown>(START_WITHIN, where, prepare(connection, names)))
    },
    async close() {
      connection.close()
      given.pool?.off?.('error', ignore)
      if (given.pool === null) await pool.end()
    },
  }
}

/** What the operator has to fix, where the database's own words do not say. */
function explained(error: unknown, where: string, schema: string): unknown {
  if (isForbidden(error)) {
    return new SchemaOutdatedError(
      `this database role may not create or read schema ${schema} at ${where}; run \`npx pawl migrate\` with the owner's URL, grant the rights, and set \`migrate: false\``,
    )
  }
  return error
}

/** `pg` is an optional peer: loaded only where Pawl itself has to connect, and only when it does. */
function lazyPool(connectionString: string, max: number, where: string): PoolLike {
  let opening: Promise<PoolLike> | null = null
  const open = (): Promise<PoolLike> => {
    opening ??= import('pg').then(({ default: pg }) => {
      const pool = new pg.Pool({
        connectionString,
        max,
        connectionTimeoutMillis: CONNECT_WITHIN,
        query_timeout: ANSWER_WITHIN,
        keepAlive: true,
        application_name: 'pawl',
        allowExitOnIdle: true,
      })
      pool.on('error', ignore)
      return pool as unknown as PoolLike
    })
    return opening
  }
  return {
    query: async (config) => (await open()).query(config),
    connect: async () => (await open()).connect(),
    async end() {
      // A start that failed may be tried again with the same store, which then opens another pool.
      const opened = opening
      opening = null
      if (opened !== null)
        await (await opened.catch((error: unknown) => Promise.reject(unavailable(error, where)))).end()
    },
  }
}

/** A client of the pool's own kind and settings, or of what was given to listen on. */
function listenClient({
  pool,
  connectionString,
  listen,
}: ResolvedPostgresOptions): (() => Promise<ListenClient>) | null {
  const to = typeof listen === 'string' ? listen : connectionString
  const ours = { application_name: 'pawl listen', keepAlive: true, connectionTimeoutMillis: CONNECT_WITHIN }
  // A pool in a wrapper of the application's shows nothing of how to connect: polling does alone.
  if (pool !== null && to === null && (pool.Client === undefined || pool.options === undefined)) return null
  return async () => {
    const Client = pool?.Client ?? (await import('pg')).default.Client
    // The pool hides its password from enumeration.
    const theirs =
      to === null ? { ...pool?.options, password: pool?.options?.password } : { connectionString: to }
    return new Client({ ...theirs, ...ours } as object) as ListenClient
  }
}

/** A connection lost while idle: the pool replaces it, nobody waits for it, and unheard it would end the process. */
function ignore(): void {}

/** Host, port and database; a URL may hold a password, so it is shown only where its parts are beyond doubt. */
function describeTarget({ pool, connectionString }: ResolvedPostgresOptions): string {
  const text = connectionString ?? pool?.options?.connectionString
  if (text === undefined) {
    const { host = 'localhost', port = 5432, database = '' } = pool?.options ?? {}
    return `${host}:${port}/${database}`
  }
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol) || !/^(?:\/[^/:@]*)?$/.test(url.pathname)) {
    return 'the given connection string'
  }
  return `${url.hostname || url.searchParams.get('host') || 'localhost'}:${url.port || 5432}${url.pathname}`
}
