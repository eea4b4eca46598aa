/**
 * How to connect for LISTEN: what the Client of `pg` takes. The parts that are missing come from `pool` or
 * `connectionString`.
 */
export interface ListenConfig {
  readonly connectionString?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly database?: string | undefined
  readonly user?: string | undefined
  /** A function is called for each connection, as for passwords that expire. */
  readonly password?: string | (() => string | Promise<string>) | undefined
  /** `true`, or the options of `tls.connect`: `{ ca }`. */
  readonly ssl?: boolean | object | undefined
  readonly sslnegotiation?: 'postgres' | 'direct' | undefined
  readonly options?: string | undefined
  readonly stream?: unknown
  readonly keepAlive?: boolean | undefined
  readonly keepAliveInitialDelayMillis?: number | undefined
  readonly statement_timeout?: false | number | undefined
  readonly lock_timeout?: false | number | undefined
  readonly query_timeout?: number | undefined
  readonly idle_in_transaction_session_timeout?: number | undefined
  readonly client_encoding?: string | undefined
  readonly application_name?: string | undefined
  readonly fallback_application_name?: string | undefined
  readonly connectionTimeoutMillis?: number | undefined
  readonly types?: unknown
  readonly pipeline?: boolean | undefined
  readonly enableChannelBinding?: boolean | undefined
}
