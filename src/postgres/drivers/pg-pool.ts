import type { types } from './types.ts'

/** The part of a `pg` client that Pawl uses: `query` with one config object. */
export interface Queryable {
  /** Runs a statement. */
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
  /** Takes a connection out of the pool. Calls back with it, as `pg` does, or returns it. */
  connect(callback?: (error: Error | undefined, client?: PooledClient) => void): Promise<PooledClient>
  /** Closes the pool. Pawl calls it only for a pool that it has made. */
  end(): Promise<void>
  /** Adds a listener for the loss of an idle connection. */
  on?(event: 'error', listener: () => void): unknown
  /** Removes such a listener. */
  off?(event: 'error', listener: () => void): unknown
  /** The configuration of the pool. */
  readonly options?: {
    readonly host?: string | undefined
    readonly port?: number | undefined
    readonly connectionString?: string | undefined
    readonly database?: string | undefined
    readonly password?: unknown
    readonly max?: number | undefined
    readonly query_timeout?: number | undefined
  }
  /** The number of connections. */
  readonly totalCount?: number
  /** The number of connections that are not in use. */
  readonly idleCount?: number
  /** The number of statements that wait for a connection. */
  readonly waitingCount?: number
  /** The class of its clients. Pawl makes one more of them for LISTEN. */
  readonly Client?: ClientClass
}

export type ClientClass = new (config: object) => unknown
