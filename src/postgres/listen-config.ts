/**
 * The configuration of the connection for LISTEN, as the Client of `pg` takes it. Missing parts come from `pool` or
 * `connectionString`.
 */
export interface ListenConfig {
  /** A PostgreSQL URL. */
  readonly connectionString?: string | undefined
  /** The host, or the folder of a Unix socket. */
  readonly host?: string | undefined
  /** The port. */
  readonly port?: number | undefined
  /** The name of the database. */
  readonly database?: string | undefined
  /** The role. */
  readonly user?: string | undefined
  /** The password, or a function that returns it. `pg` calls the function for each connection. */
  readonly password?: string | (() => string | Promise<string>) | undefined
  /** Whether to use TLS: `true`, or the options of `tls.connect`, such as `{ ca }`. */
  readonly ssl?: boolean | object | undefined
  /** How TLS begins. `direct` needs PostgreSQL 17. */
  readonly sslnegotiation?: 'postgres' | 'direct' | undefined
  /** Command-line options of the connection. */
  readonly options?: string | undefined
  /** The socket, or a function that makes it. */
  readonly stream?: unknown
  /** Ignored: Pawl turns TCP keep-alive on. */
  readonly keepAlive?: boolean | undefined
  /** The delay before the first keep-alive probe, in ms. */
  readonly keepAliveInitialDelayMillis?: number | undefined
  /** The longest time of a statement, in ms. */
  readonly statement_timeout?: false | number | undefined
  /** The longest wait for a lock, in ms. */
  readonly lock_timeout?: false | number | undefined
  /** The longest wait of the driver for a result, in ms. */
  readonly query_timeout?: number | undefined
  /** The longest idle time in a transaction, in ms. */
  readonly idle_in_transaction_session_timeout?: number | undefined
  /** The encoding of text. */
  readonly client_encoding?: string | undefined
  /** Ignored: Pawl names the connection `pawl listen`, with its release. */
  readonly application_name?: string | undefined
  /** Ignored, because Pawl sets the name of the connection. */
  readonly fallback_application_name?: string | undefined
  /** Ignored: Pawl waits for the connection 5000 ms at most. */
  readonly connectionTimeoutMillis?: number | undefined
  /** The type parsers of `pg`. */
  readonly types?: unknown
  /** The option `pipeline` of `pg`. */
  readonly pipeline?: boolean | undefined
  /** Whether to use channel binding (SCRAM-SHA-256-PLUS) if the server offers it. */
  readonly enableChannelBinding?: boolean | undefined
}
