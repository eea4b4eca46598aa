import type { Position } from './store.ts'
import type { StoreStatus } from './store-status.ts'

/**
 * What a store tells people about its sessions: for support and operations, never for a request of a user. Every call is
 * bounded, whatever the number of sessions: it reads a few thousand entries of an index, and never the table. Times are in
 * milliseconds. Every call throws `StoreUnavailableError` when the database cannot be reached.
 */
export interface StoreInspection {
  /**
   * The sessions that are active, and what happened on each of the last days.
   * @param at the present time
   * @param days 1 to {@link MAX_OVERVIEW_DAYS}: this day and those before it, in UTC
   */
  overview(at: number, days: number): Promise<StoreOverview>
  /**
   * The users whose id begins with `prefix`, in the order of the index. Every user has a session that is stored. A search
   * that its bound ends continues after `next`.
   * @param prefix at most 255 characters; `''` for all users
   * @param after the `next` of the page before; `null` for the first
   * @param limit how many to find, 1 to 100
   */
  findUsers(prefix: string, after: string | null, limit: number): Promise<UserPage>
  /**
   * Sessions that ended because a refresh token was reused, the newest first.
   * @param after the `next` of the page before; `null` for the first
   * @param limit how many to find, 1 to 1000
   */
  reuse(after: Position | null, limit: number): Promise<ReusePage>
  /**
   * The state of the database, for the checks of `core/doctor`. It counts no sessions, which {@link overview} does, and does
   * not try LISTEN, which the feed of a process does. A part that is not read in time is `null`, so that the page of a console
   * shows the others.
   */
  status(): Promise<StoreStatus>
  /** Tries LISTEN by a connection of its own, for a process without a feed. It takes a few seconds at most. */
  listening(): Promise<Listening>
  /**
   * The sign-ins and ends of sessions that the audit table holds, the newest first. Absent if the store keeps no audit, which
   * it knows once it has started.
   * @throws TypeError for a query that is none, before any work
   */
  readonly history?: ((query: HistoryQuery) => Promise<HistoryPage>) | undefined
}

/** Whether messages arrive at LISTEN, and if not, why; as in `StoreStatus`. */
export type Listening = Pick<StoreStatus['notifications'], 'working' | 'problem'>

export const MAX_OVERVIEW_DAYS = 31

/**
 * How a number was made. `counted`: every row was read. `estimated`: from statistics of the database, which may be a day
 * old. `sampled`: every entry of an index was counted, and the reasons are from a sample of the rows. `sparse`: at least in
 * part from a few moments of every hour, so that a burst between them is missing. `unknown`: none was possible in time.
 */
export type FigureSource = 'counted' | 'estimated' | 'sampled' | 'sparse' | 'unknown'

export interface Figure {
  /** `null` exactly if it is unknown. */
  readonly value: number | null
  readonly how: FigureSource
}

/** The ends of sessions. Those that expire without a request are no ends before an audit table records them. */
export interface EndFigure extends Figure {
  /** By the stored reason; empty if unknown. A sample is rough for a rare reason. */
  readonly byReason: Readonly<Record<string, number>>
}

export interface DayOverview {
  /** The begin of the day, in UTC. The last day is unfinished. */
  readonly from: number
  readonly signIns: Figure
  readonly ends: EndFigure
  /** Sessions that ended because a refresh token was reused. */
  readonly reuse: Figure
}

export interface StoreOverview {
  /** Sessions that have neither ended nor expired. */
  readonly active: Figure
  /**
   * Where the days come from. `sessions`: the stored sessions, so that days before the retention (`privacy.keepEnded`) lack
   * the sessions that are deleted. `audit`: the audit table, which lacks nothing since it was made.
   */
  readonly source: 'sessions' | 'audit'
  /** The oldest first. */
  readonly days: readonly DayOverview[]
}

export interface UserPage {
  readonly userIds: readonly string[]
  /**
   * Whether no user follows: the search has met its end, and the order of the index hides none. The order of some languages
   * can, for a prefix such as the first half of a letter.
   */
  readonly complete: boolean
  /** Where the search continues; `null` at its end. */
  readonly next: string | null
}

/** An address and a user agent. */
export interface Party {
  readonly ip: string | null
  readonly userAgent: string | null
}

export interface ReuseRecord {
  readonly sessionId: string
  /** Empty after `deleteUser`. */
  readonly userId: string
  readonly at: number
  readonly signedInAt: number
  /** The last rotation of the session before. */
  readonly lastSeenAt: number
  /** Who made the last rotation: the holder of the newer token. */
  readonly holder: Party
  /** Who presented the older token; `null` without an audit table. One of the two is the thief. */
  readonly presenter: Party | null
}

export interface ReusePage {
  readonly found: readonly ReuseRecord[]
  /** Everything since this time was searched; `null`: everything that is stored. */
  readonly searchedBackTo: number | null
  /** Where the search continues; `null` at its end. A page may be empty and still have one. */
  readonly next: Position | null
}

/** A search of the audit. Without any part it finds everything. */
export interface HistoryQuery {
  /** The whole user id. */
  readonly userId?: string
  /** An address, or a network such as `192.0.2.0/24` or `2001:db8::/48`. */
  readonly network?: string
  /** The begin of the period, in milliseconds. */
  readonly from?: number
  /** The end of the period, in milliseconds; not part of it. */
  readonly to?: number
  /** The `next` of the page before; `null` for the first. */
  readonly after?: HistoryPosition | null
  /** How many to find, 1 to 1000. */
  readonly limit: number
}

/** One sign-in or one end of a session. Nothing about it changes later. */
export interface HistoryRecord {
  /** When the session was created, or ended. For a session that expired: when it did. */
  readonly at: number
  readonly kind: 'created' | 'ended'
  readonly sessionId: string
  readonly userId: string
  /** Of the sign-in. For an end: of the last rotation. As `privacy` allows. */
  readonly ip: string | null
  readonly userAgent: string | null
  /** The user who acts in the session (`acting`), who may be an administrator; else `null`. Empty after `deleteUser`. */
  readonly actorUserId: string | null
  /** What only an end has. */
  readonly end: {
    /** The stored text, as in a session. */
    readonly reason: string
    readonly signedInAt: number
    readonly lastSeenAt: number
    /** Who presented the older token, for the reason `reuse`. */
    readonly presenter: Party | null
  } | null
}

export interface HistoryPosition {
  readonly at: number
  readonly sessionId: string
  readonly kind: HistoryRecord['kind']
}

export interface HistoryPage {
  readonly found: readonly HistoryRecord[]
  /** Where the search continues; `null` at its end. A page may be short, or empty, and still have one. */
  readonly next: HistoryPosition | null
}
