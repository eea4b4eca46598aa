// `npm run options` writes this file from ./option-table.ts. Change that file instead.

import type { SessionIdVersion } from '../portable/session-id.ts'
import type { PoolLike } from './drivers/pg-pool.ts'
import type { PGliteLike } from './drivers/pglite.ts'
import type { SqlFunction } from './drivers/sql.ts'
import type { ListenConfig } from './listen-config.ts'

/** The options of {@link postgres}. Give one of `pool`, `connectionString`, `sql` and `pglite`. */
export interface PostgresOptions {
  /**
   * Your `pg` Pool, or one that works like it, such as the Pool of Neon's driver. You close it: `sessions.close()`
   * does not. Give one of `pool`, `connectionString`, `sql` and `pglite`.
   */
  readonly pool?: PoolLike
  /**
   * The URL of the database. Pawl then makes its own pool with the package `pg`.
   * Takes a PostgreSQL URL.
   */
  readonly connectionString?: string | undefined
  /**
   * Your client of another driver: `postgres(url)` of postgres.js, or `neon(url)` of Neon's driver, which works
   * over HTTP. You close it, as a pool.
   */
  readonly sql?: SqlFunction
  /**
   * PostgreSQL inside this process, for development and for small applications of one process. Give the folder of
   * its data, which Pawl opens with the package `@electric-sql/pglite`, or your instance of PGlite, which you
   * close.
   */
  readonly pglite?: string | PGliteLike
  /**
   * The size of Pawl's own pool.
   * Takes a whole number from 1 to 1,000.
   * @defaultValue 10; with serverless 2
   */
  readonly maxConnections?: number
  /**
   * The schema of Pawl's tables. Every key derivation includes its name, so a renamed schema ends all sessions.
   * Takes a name of 1 to 63 bytes that does not begin with `pg_`.
   * @defaultValue 'pawl'
   */
  readonly schema?: string
  /**
   * Whether to LISTEN for revocations, on one connection of its own. Behind a pooler (PgBouncer, RDS Proxy) give
   * the URL or the config of the database itself. The parts that you leave out (`ssl`, user, password, …) come
   * from `pool` or `connectionString`. With `readOnly` or `serverless` Pawl does not listen.
   * @defaultValue true
   */
  readonly listen?: boolean | string | ListenConfig | undefined
  /**
   * Whether to create and update the tables at the start. Set `false` if another role runs `npx pawl migrate`.
   * With `readOnly` Pawl does not migrate.
   * @defaultValue true
   */
  readonly migrate?: boolean
  /**
   * Whether this process only reads, from a standby for example. It verifies and lists sessions, and answers
   * logins, refreshes and logouts with 503. It neither migrates nor listens.
   * @defaultValue false
   */
  readonly readOnly?: boolean
  /**
   * Whether to record every sign-in and every end of a session in the table `session_audit`
   * (docs/operate/audit.md), in the same statement. Pawl keeps its rows for `retention` seconds, at least a day
   * and by default 400 days, also after it has deleted the session. `null` keeps them for ever. Give every process
   * of the installation the same value. Citus does not support it.
   * @defaultValue false
   */
  readonly audit?: boolean | { readonly retention?: number | null }
  /**
   * Whether to record in the audit if it holds rows: the command line does.
   * @internal
   */
  readonly followAudit?: boolean
  /**
   * The version of the UUIDs that name sessions. `v7` keeps new rows together; choose `v4` for an engine that
   * shards by key range.
   * @defaultValue 'v7'
   */
  readonly sessionIdVersion?: SessionIdVersion
}

/** {@link PostgresOptions}, checked and complete. Durations are in milliseconds. */
export interface ResolvedPostgresOptions {
  readonly pool: PoolLike | null
  readonly connectionString: string | null
  readonly sql: SqlFunction | null
  readonly pglite: string | PGliteLike | null
  readonly maxConnections: number
  readonly schema: string
  readonly listen: boolean | string | ListenConfig
  readonly migrate: boolean
  readonly readOnly: boolean
  readonly audit: { readonly retention: number | null } | null
  readonly followAudit: boolean
  readonly sessionIdVersion: SessionIdVersion
}
