import type { Parameter } from './parameters.ts'

export type Row = Record<string, unknown>

/** One statement for a driver. */
export interface Statement {
  readonly text: string
  readonly values: readonly Parameter[]
  /** Name of the prepared statement. Without it the driver must not prepare the statement. */
  readonly name?: string | undefined
  /** Milliseconds after which nobody waits for the answer any more, and the driver frees its connection. */
  readonly within?: number
}

/** @returns the rows, with every value as `types.ts` parses it */
export type RunStatement = (statement: Statement) => Promise<Row[]>

/** How busy a pool is. */
export interface PoolLoad {
  /** The largest number of connections. */
  readonly max?: number | undefined
  /** Number of connections. */
  readonly total?: number | undefined
  /** Number of connections that are not in use. */
  readonly idle?: number | undefined
  /** Number of statements that wait for a connection. */
  readonly waiting?: number | undefined
}

/** What Pawl needs of a database driver. Everything above it is the same for all drivers. */
export interface Driver {
  readonly query: RunStatement
  /**
   * Runs statements on one connection, between BEGIN and COMMIT. Fails if PostgreSQL rolls back instead of committing.
   * `null`: the driver has no transactions.
   * @param within the limit of BEGIN and of COMMIT, as for a statement
   */
  readonly transaction: (<T>(within: number, work: (run: RunStatement) => Promise<T>) => Promise<T>) | null
  /**
   * Runs statements in a transaction that the application has begun.
   * @throws TypeError for anything else than the driver's object for a transaction
   */
  using(client: unknown): RunStatement
  /** Makes a client for LISTEN. `null`: LISTEN is off, or the driver has none, and the process polls. */
  readonly openListenClient: (() => Promise<ListenClient>) | null
  readonly load?: () => PoolLoad
  /** Opens a database that this process runs itself. It takes seconds, so it has no part in the timeout of a start. */
  open?(): Promise<void>
  /** Calls back when a connection was lost while idle. @returns a function that removes the callback */
  watch?(onLost: () => void): () => void
  /** Ends what Pawl opened. What the application passed stays open. */
  close(): Promise<void>
}

/** The part of a client that LISTEN uses. */
export interface ListenClient {
  connect(): Promise<unknown>
  query(text: string): Promise<unknown>
  end(): Promise<void>
  /** Keeps new clients from sharing the connection, because it does not work. */
  discard?(): void
  unref?(): void
  /** Where the driver connects, from the config, the environment and its defaults. */
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly database?: string | undefined
  on(event: 'notification', listener: (message: Notification) => void): unknown
  on(event: 'error' | 'end', listener: (error?: Error) => void): unknown
  /** Lets Pawl drop a connection whose server does not answer. */
  readonly connection?: { readonly stream?: { destroy(): unknown } }
}

export interface Notification {
  readonly channel: string
  readonly payload?: string
}
