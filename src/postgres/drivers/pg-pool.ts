import type { types } from './types.ts'

/** The part of a `pg` client that Pawl uses: `query` with one config object. */
export interface Queryable {
  query(config: QueryConfig): Promise<{ rows: unknown[]; command?: string }>
}

export interface QueryConfig {
  readonly text: string
  readonly values: unknown[]
  /** Name of the prepared statement. */
  readonly name?: string | undefined
  readonly types: typeof types
  /** Milliseconds after which the driver gives up the statement and closes its connection. */
  readonly query_timeout?: number
}

/** The part of a client from a `pg` Pool that Pawl uses. */
export interface PooledClient extends Queryable {
  release(error?: Error | boolean): void
  on?(event: 'error', listener: () => void): unknown
  off?(event: 'error', listener: () => void): unknown
}

/** The part of a `pg` Pool that Pawl uses. */
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
  /** Number of connections. */
  readonly totalCount?: number
  /** Number of connections that are not in use. */
  readonly idleCount?: number
  /** Number of statements that wait for a connection. */
  readonly waitingCount?: number
  /** The class of its clients. LISTEN opens one more of them. */
  readonly Client?: ClientClass
}

export type ClientClass = new (config: object) => unknown
