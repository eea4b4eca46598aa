/**
 * Where the rows of a table are. `plain`: on this server, unknown to Citus. `local`: one shard on the coordinator, which
 * workers can use. `reference`: a copy on every node. `distributed`: shards by a hash of a column. `single-shard`: one
 * shard on any node.
 */
export type Placement = 'plain' | 'local' | 'reference' | 'distributed' | 'single-shard'

/** The place of the rows of a table. */
export interface TableLayout {
  /**
   * Where the rows are. `plain`: on this server, unknown to Citus. `local`: one shard on the coordinator. `reference`: a copy
   * on every node. `distributed`: shards by a hash of a column. `single-shard`: one shard on any node.
   */
  readonly placement: Placement
  /** The distribution column; `null` for a table without one. */
  readonly column: string | null
  /** The number of shards; `null` for a plain table. */
  readonly shards: number | null
}

/** The options of {@link PostgresStore.status}. */
export interface StatusOptions {
  /**
   * Whether to count every session, in batches. Without it the planner's estimates replace the count above a million
   * sessions, and after two seconds.
   * @defaultValue false
   */
  readonly exact?: boolean
  /** Also counts the sessions that `revokeAll({ lastSeenBefore })` would revoke. @defaultValue none */
  readonly lastSeenBefore?: Date
  /** Called after each batch with the number of rows counted so far. @defaultValue none */
  readonly onProgress?: (rows: number) => void
}

/** The numbers of rows in the table of sessions. */
export interface SessionCounts {
  /** Whether the rows were counted. Otherwise the numbers are the planner's estimates. */
  readonly exact: boolean
  /** Sessions that have neither ended nor expired. */
  readonly active: number
  /** Active sessions that are bound to the key of a device (`deviceBinding`). */
  readonly bound: number
  /** Sessions past the idle or absolute timeout that no call has ended. */
  readonly expired: number
  /** Ended sessions whose rows are kept to answer why they ended (`privacy.keepEnded`). */
  readonly ended: number
  /** Rows of any state that `prune` would delete now. */
  readonly prunable: number
  /** Sessions that have not ended and were last seen before {@link StatusOptions.lastSeenBefore}; `null` without it. */
  readonly lastSeenBefore: number | null
}

/** A part of the status that is `null`, and why. */
export interface UnknownPart {
  /** The name of the part. */
  readonly part:
    | 'standby'
    | 'layout'
    | 'schema'
    | 'rights'
    | 'keys'
    | 'sessions'
    | 'revocations'
    | 'table'
    | 'vacuum'
    | 'listeners'
    | 'queueUsage'
  /**
   * Why the part is `null`. `failed`: the statement failed, or got no answer within three seconds. `large`: there are more
   * rows than Pawl could count in time, and the planner has no estimate of them; more than a million revocations.
   */
  readonly why: 'failed' | 'large'
  /** The SQLSTATE and the message of the database, or that it did not answer; `null` unless the part failed. */
  readonly words: string | null
}

/** A signing key in the database, without key material. */
export interface StoredKey {
  /** The number of the key. Each new key has the next number. */
  readonly epoch: number
  /** The key id in the header of its tokens (RFC 7515 section 4.1.4). */
  readonly kid: string
  /** The signature algorithm: `HS256`, `EdDSA` or `ES256`. */
  readonly algorithm: string
  /** When the key was made. */
  readonly createdAt: Date
  /** When the key starts to sign. */
  readonly signsFrom: Date
  /** When the key stops to verify; `null` until a later key exists. */
  readonly verifiesUntil: Date | null
}

/** The layout of the tables on Citus. */
export interface StoreLayout {
  /** The engine, which is always `citus`. */
  readonly engine: 'citus'
  /** Whether this server is the coordinator. */
  readonly isCoordinator: boolean
  /** The layout of each table. */
  readonly tables: {
    /** The table of sessions. */
    readonly sessions: TableLayout
    /** The table of signing keys. */
    readonly signingKeys: TableLayout
    /** The table of migrations. */
    readonly migrations: TableLayout
  }
}

/**
 * The state of the database, for an operator. A value is `null` if the engine or the role does not offer it, or if it could not
 * be read in time.
 */
export interface StoreStatus {
  /** The time of the database. */
  readonly at: Date
  /** The server of the connection. */
  readonly server: {
    /** The version of the server. */
    readonly version: string
    /** The name of the database. */
    readonly database: string
    /** Whether the server is a standby, which refuses writes. */
    readonly standby: boolean | null
  }
  /** The schema of Pawl's tables. */
  readonly schema: {
    /** The name of the schema. */
    readonly name: string
    /** The migrations of this release that were applied; `null` if they cannot be read. */
    readonly applied: readonly { readonly id: number; readonly at: Date }[] | null
    /** The migrations that this release of Pawl has and the schema lacks. */
    readonly missing: readonly number[] | null
    /** The migrations of a later release of Pawl. This release cannot work with a `breaking` one. */
    readonly unknown: readonly { readonly id: number; readonly breaking: boolean }[] | null
    /** The rights that the role of this connection lacks, and the statements that grant them; `null` if it lacks none. */
    readonly missingRights: string | null
  }
  /** The layout of the tables on Citus; `null` without Citus. */
  readonly layout: StoreLayout | null
  /** The signing keys in the database, newest first. */
  readonly keys: readonly StoredKey[] | null
  /** The numbers of sessions; `null` if they were not counted. */
  readonly sessions: SessionCounts | null
  /** The number of sessions that ended or changed in the last 20 minutes; `null` if they were not counted. */
  readonly revocations: number | null
  /** The table of sessions. All values but `bytes` are statistics of PostgreSQL; they are `null` on a standby and on Citus. */
  readonly table: {
    /** The size of the table in bytes, with its indexes and shards. */
    readonly bytes: number | null
    /** The number of live rows. */
    readonly liveRows: number | null
    /** The number of dead rows, which VACUUM has not removed yet. */
    readonly deadRows: number | null
    /** The number of updates since the statistics were last reset. */
    readonly updates: number | null
    /** The share of updates that stayed within the page of the row (HOT), 0 to 1; `null` before the first update. */
    readonly hotUpdates: number | null
    /** When the last VACUUM ran, manual or automatic; `null` before the first one. */
    readonly vacuumedAt: Date | null
  } | null
  /** The state of VACUUM; `null` on a standby and on Citus. */
  readonly vacuum: {
    /** Whether autovacuum works on the table. */
    readonly enabled: boolean
    /** The number of dead rows at which autovacuum starts. */
    readonly threshold: number
    /** Whether a VACUUM of the table runs now. */
    readonly running: boolean
    /** The size of the rows in bytes, without indexes. */
    readonly heapBytes: number
    /** The average size of a row in bytes at the last ANALYZE; `null` before the first one. */
    readonly rowBytes: number | null
    /** The oldest open snapshot: no VACUUM removes rows that died after it. `null` if none is open. */
    readonly horizon: {
      /** Who holds the snapshot. */
      readonly kind: 'transaction' | 'prepared' | 'slot' | 'standby'
      /** The process id, the name of the prepared transaction or of the slot, or the address of the standby. */
      readonly name: string
      /** The `application_name`; empty for none. */
      readonly application: string
      /** When the transaction began; `null` if it is not known. */
      readonly since: Date | null
      /** The number of transactions that have begun since. */
      readonly transactions: number
    } | null
  } | null
  /** The notifications by LISTEN, which carry revocations to other processes. */
  readonly notifications: {
    /**
     * The number of processes that listen on this server for revocations, as far as this role may see them; `null` on PGlite,
     * which runs in one process and does not list it.
     */
    readonly listeners: number | null
    /** The releases of Pawl that these processes run. `release` is `null` for releases before 0.2.0. */
    readonly releases: readonly { readonly release: string | null; readonly processes: number }[] | null
    /** The fill level of the server's NOTIFY queue, 0 to 1. */
    readonly queueUsage: number | null
    /** Whether LISTEN works from this process; `null` with `listen: false`, on a standby and without a schema. */
    readonly working: boolean | null
    /** Why LISTEN does not work; `null` if it does, or if the engine has no LISTEN. */
    readonly problem: string | null
  }
  /** The parts that could not be read, in the order of this type. */
  readonly unknown: readonly UnknownPart[]
}
