// `npm run options` writes this file from ./option-table.ts. Change that file instead.

import type { SessionIdVersion } from '../portable/session-id.ts'
import type { PoolLike } from './drivers/pg-pool.ts'
import type { PGliteLike } from './drivers/pglite.ts'
import type { SqlFunction } from './drivers/sql.ts'
import type { ListenConfig } from './listen-config.ts'

/** What {@link postgres} takes: your pool, or how to connect. */
export interface PostgresOptions {
  /**
   * Your `pg` Pool, or one that works like it, such as the Pool of Neon's driver. It stays yours: closing the
   * sessions does not end it. Give one of `pool`, `connectionString`, `sql` and `pglite`.
   */
  readonly pool?: PoolLike
  /**
   * Where to connect. Pawl then makes its own pool with the package `pg`.
   * Takes a PostgreSQL URL.
   */
  readonly connectionString?: string | undefined
  /**
   * A client of another driver: `postgres(url)` of postgres.js, or `neon(url)` of Neon's driver, which works over
   * HTTP. It stays yours, as a pool does.
   */
  readonly sql?: SqlFunction
  /**
   * PostgreSQL inside this process, for development and for small applications of one process: the folder of its
   * data, or your instance of PGlite, which stays yours. For a folder Pawl uses the package
   * `@electric-sql/pglite`.
   */
  readonly pglite?: string | PGliteLike
  /**
   * Size of Pawl's own pool.
   * Takes a whole number from 1 to 1,000.
   * @defaultValue 10; with serverless 2
   */
  readonly maxConnections?: number
  /**
   * The schema of Pawl's tables. Every key derivation includes it, so renaming the schema ends all sessions.
   * Takes a name of 1 to 63 bytes that does not begin with `pg_`.
   * @defaultValue 'pawl'
   */
  readonly schema?: string
  /**
   * Whether to LISTEN for revocations, on one connection of its own, unless `readOnly`. Behind a pooler
   * (PgBouncer, RDS Proxy) say how to reach the database itself. The parts that you leave out (`ssl`, user,
   * password, …) come from `pool` or `connectionString`.
   * @defaultValue true
   */
  readonly listen?: boolean | string | ListenConfig | undefined
  /**
   * Whether to create and update the tables at start, unless `readOnly`. Set `false` if another role runs `npx
   * pawl migrate`.
   * @defaultValue true
   */
  readonly migrate?: boolean
  /**
   * Whether this process only reads, from a standby for example. It verifies and lists sessions, and answers 503
   * to logins, refreshes and logouts. It neither migrates nor listens.
   * @defaultValue false
   */
  readonly readOnly?: boolean
  /**
   * Whether to record every sign-in and every end of a session in the table `session_audit`
   * (docs/operate/audit.md), in the same statement. Its rows are kept for `retention` seconds, at least a day and
   * by default 400 days, also after the session is deleted; `null` keeps them. Give every process of the
   * installation the same value.
   * @defaultValue false
   */
  readonly audit?: boolean | { readonly retention?: number | null }
  /**
   * Whether to record in the audit if it holds rows: the command line does.
   * @internal
   */
  readonly followAudit?: boolean
  /**
   * Version of the UUIDs that name sessions. `v7` keeps new rows together; choose `v4` for an engine that shards
   * by key range.
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
