/**
 * Where the rows of a table are. `plain`: on this server, unknown to Citus. `local`: one shard on the coordinator, which
 * workers can use. `reference`: a copy on every node. `distributed`: shards by a hash of a column. `single-shard`: one
 * shard on any node.
 */
export type Placement = 'plain' | 'local' | 'reference' | 'distributed' | 'single-shard'

export interface TableLayout {
  readonly placement: Placement
  /** The distribution column; `null` for a table without one. */
  readonly column: string | null
  /** The number of shards; `null` for a plain table. */
  readonly shards: number | null
}

/** Options of {@link PostgresStore.status}. */
export interface StatusOptions {
  /**
   * Count every session, in batches.
   * @defaultValue false: above a million sessions, or after two seconds, the planner's estimates replace the count
   */
  readonly exact?: boolean
  /** Also count the sessions that `revokeAll({ lastSeenBefore })` would revoke. */
  readonly lastSeenBefore?: Date
  /** Called after each batch with the number of rows counted so far. */
  readonly onProgress?: (rows: number) => void
}

/** Numbers of rows in the table of sessions. */
export interface SessionCounts {
  /** Whether the rows were counted; otherwise the numbers are the planner's estimates. */
  readonly exact: boolean
  /** Neither ended nor expired. */
  readonly active: number
  /** Of the active ones, those bound to the key of a device (`deviceBinding`). */
  readonly bound: number
  /** Past the idle or absolute timeout, and not ended by a call. */
  readonly expired: number
  /** Ended by a call, and kept to answer why. */
  readonly ended: number
  /** Rows of any state that `prune` would delete now. */
  readonly prunable: number
  /** Not ended and last seen before {@link StatusOptions.lastSeenBefore}; `null` without that option. */
  readonly lastSeenBefore: number | null
}

/** A part of the status that is `null`, and why. */
export interface UnknownPart {
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
   * `failed`: the statement failed, or was not answered within three seconds. `large`: there are more rows than could be
   * counted in time, and the planner has no estimate of them. Of revocations it means more than a million.
   */
  readonly why: 'failed' | 'large'
  /** The SQLSTATE and the words of the database, or that it did not answer; `null` unless the part failed. */
  readonly words: string | null
}

/** A signing key, without the key itself. */
export interface StoredKey {
  readonly epoch: number
  readonly kid: string
  readonly algorithm: string
  readonly createdAt: Date
  readonly signsFrom: Date
  /** `null` until a later key exists. */
  readonly verifiesUntil: Date | null
}

/** How Citus has laid out the tables. */
export interface StoreLayout {
  readonly engine: 'citus'
  /** Whether this server is the coordinator. */
  readonly isCoordinator: boolean
  readonly tables: {
    readonly sessions: TableLayout
    readonly signingKeys: TableLayout
    readonly migrations: TableLayout
  }
}

/**
 * The state of the database, for an operator. A value that the engine or the role does not offer is `null`, and so is one
 * that could not be read in time.
 */
export interface StoreStatus {
  /** The database's clock. */
  readonly at: Date
  readonly server: {
    readonly version: string
    readonly database: string
    /** Whether the server is a standby, which refuses writes. */
    readonly standby: boolean | null
  }
  readonly schema: {
    readonly name: string
    readonly applied: readonly { readonly id: number; readonly at: Date }[] | null
    /** Migrations that this version of Pawl has and the schema lacks. */
    readonly missing: readonly number[] | null
    /** Migrations of a later version of Pawl. This version cannot work with a `breaking` one. */
    readonly unknown: readonly { readonly id: number; readonly breaking: boolean }[] | null
    /** What the role of this connection may not do, and who has to run which statement; `null` for nothing. */
    readonly missingRights: string | null
  }
  /** `null` without Citus. */
  readonly layout: StoreLayout | null
  /** The signing keys in the database, newest first. */
  readonly keys: readonly StoredKey[] | null
  /** `null` also in the status of {@link StoreInspection}, which counts nothing. */
  readonly sessions: SessionCounts | null
  /** Sessions revoked or changed in the last 20 minutes. The feed keeps them in the memory of every process. `null` as above. */
  readonly revocations: number | null
  /** The table of sessions, with its indexes and shards. PostgreSQL counts the other values on the server of the rows only. */
  readonly table: {
    readonly bytes: number | null
    /** As PostgreSQL's statistics count them; `null` on a standby and on Citus, as the next four. */
    readonly liveRows: number | null
    readonly deadRows: number | null
    /** Since the statistics were last reset. */
    readonly updates: number | null
    /** Share of updates that stayed within the row's page (HOT), 0 to 1; `null` before the first update. */
    readonly hotUpdates: number | null
    /** The last VACUUM, manual or automatic. */
    readonly vacuumedAt: Date | null
  } | null
  /** How VACUUM keeps up; `null` on a standby and on Citus. */
  readonly vacuum: {
    /** Whether autovacuum works on the table. */
    readonly enabled: boolean
    /** The number of dead rows at which autovacuum starts. */
    readonly threshold: number
    /** Whether a VACUUM of the table runs now. */
    readonly running: boolean
    /** The size of the rows, without indexes. */
    readonly heapBytes: number
    /** What a row takes on average, as the last ANALYZE has seen it; `null` before the first one. */
    readonly rowBytes: number | null
    /** The oldest snapshot, which no VACUUM may remove rows after; `null` if none is open. */
    readonly horizon: {
      readonly kind: 'transaction' | 'prepared' | 'slot' | 'standby'
      /** The process id, the name of the prepared transaction or of the slot, or the address of the standby. */
      readonly name: string
      /** The `application_name`; empty for none. */
      readonly application: string
      /** When the transaction began; `null` if it is not known. */
      readonly since: Date | null
      /** How many transactions have begun since. */
      readonly transactions: number
    } | null
  } | null
  readonly notifications: {
    /**
     * Processes that listen on this server for revocations, as far as this role may see them; `null` on PGlite, which runs in one
     * process and does not list it.
     */
    readonly listeners: number | null
    /** Their releases of Pawl, with the number of processes. `release` is `null` for those before 0.2.0. */
    readonly releases: readonly { readonly release: string | null; readonly processes: number }[] | null
    /** How full the server's NOTIFY queue is, 0 to 1. */
    readonly queueUsage: number | null
    /** Whether LISTEN works from here; `null` with `listen: false`, on a standby and without a schema. */
    readonly working: boolean | null
    /** Why LISTEN does not work; `null` if it does, or if the engine has no LISTEN. */
    readonly problem: string | null
  }
  /** The parts that could not be read, in the order of this type. */
  readonly unknown: readonly UnknownPart[]
}
