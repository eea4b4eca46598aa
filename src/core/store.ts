import type { ClaimsObject } from '../portable/claims.ts'
import type { EndReason } from '../portable/end-reason.ts'
import type { SessionIdVersion } from '../portable/session-id.ts'
import type { RotationState } from './protocol/rotation.ts'

/**
 * The seam to the database: one method per transition of the protocol, not CRUD. Every write names
 * the whole primary key, takes its times as parameters (milliseconds since the epoch) and does
 * nothing to a session that has ended. A store throws `StoreUnavailableError` when it cannot be
 * reached, and may return "no row" for a row that exists: callers read again before they conclude.
 */

export { END_REASONS, type EndReason } from '../portable/end-reason.ts'

/** Last seen when it last turned, and until then at its login: `turnedAt`. */
export interface SessionRow extends RotationState {
  readonly id: string
  readonly userId: string
  readonly anchorHash: Uint8Array
  /** Raised whenever claims or authentication change; an access token carries the one it was made from. */
  readonly version: number
  readonly createdAt: number
  readonly authTime: number
  /** Idle expiry. */
  readonly expiresAt: number
  /** `null`: no absolute lifetime. */
  readonly absoluteExpiresAt: number | null
  /** `null`: the configured default. */
  readonly idleTimeout: number | null
  readonly persistent: boolean
  readonly claims: ClaimsObject
  readonly data: unknown
  readonly dataVersion: number
  readonly ip: string | null
  readonly userAgent: string | null
  readonly endedAt: number | null
  readonly endReason: EndReason | null
  /** When the row may be deleted. */
  readonly pruneAt: number
}

/** The state a compare-and-set expects to find. */
export interface Expected {
  readonly id: string
  readonly generation: number
  readonly current: Uint8Array
}

export interface Turn {
  readonly expected: Expected
  readonly next: RotationState
  readonly expiresAt: number
  readonly pruneAt: number
  readonly ip: string | null
  readonly userAgent: string | null
}

export interface Ending {
  readonly reason: EndReason
  readonly at: number
  readonly pruneAt: number
}

/** A change every process has to know about. */
export interface Change {
  readonly id: string
  readonly version: number
  readonly endReason: EndReason | null
  readonly at: number
}

export interface KeyRow {
  readonly epoch: number
  readonly kid: string
  readonly algorithm: string
  readonly wrappedKey: Uint8Array
  readonly createdAt: number
  readonly signsFrom: number
  /** `null` until the next key is known. */
  readonly verifiesUntil: number | null
}

/** A session as limits see it. */
export interface LiveSession {
  readonly id: string
  readonly createdAt: number
}

/** The writes an application may want inside a transaction of its own. */
export interface SessionWrites {
  insert(row: SessionRow): Promise<void>
  read(id: string): Promise<SessionRow | null>
  /** All kept rows of a user, the most recently seen first. */
  listByUser(userId: string): Promise<SessionRow[]>
  /** All sessions of a user that have neither ended nor expired, the oldest login first. */
  liveByUser(userId: string, now: number): Promise<LiveSession[]>
  /** With `expected`, only while the session still is as it was read. @returns its user when this call ended it, else null */
  end(id: string, ending: Ending, expected?: Expected): Promise<string | null>
  /** @returns the ids this call ended */
  endByUser(userId: string, ending: Ending, except: string | null): Promise<string[]>
  /** Takes everything personal out of a user's ended rows, which may then be deleted at `pruneAt`. @returns how many */
  eraseByUser(userId: string, pruneAt: number): Promise<number>
  /** `merge`: top-level keys of an object replace those of the row's. @returns the new data version, null when nothing was written */
  writeData(
    id: string,
    data: unknown,
    how: 'replace' | 'merge',
    ifVersion: number | null,
  ): Promise<number | null>
  /** @returns the new version, null when the session has ended */
  writeClaims(id: string, claims: ClaimsObject, at: number): Promise<number | null>
  /** @returns the new version, null when the session has ended */
  raiseVersion(id: string, at: number): Promise<number | null>
  /** @returns the sessions this call changed, each with its new version */
  raiseVersionByUser(userId: string, at: number): Promise<{ id: string; version: number }[]>
  /** Only while `version` is as given. @returns whether it was written */
  reauthenticate(
    id: string,
    ifVersion: number,
    at: number,
    clocks: { expiresAt: number; absoluteExpiresAt: number | null; pruneAt: number },
  ): Promise<boolean>
  /** Wakes everyone who listens; inside a transaction, when it commits. @returns false where the store cannot */
  notify(): Promise<boolean>
}

/** What the listener of {@link Store.listen} hears. */
export interface ListenerHooks {
  /** Something changed. */
  readonly onChange: () => void
  /** Listening has begun, or has begun again: what was told in between is lost. */
  readonly onConnected: () => void
  /** Something else speaks on our channel. */
  readonly onForeign: () => void
}

/** A connection on which the store tells of changes. Speeds things up; nothing is ever lost without it. */
export interface Listener {
  /** Whether a message to ourselves, sent the way others send theirs, arrives within `ms`. Never rejects. */
  ping(ms: number): Promise<boolean>
  /** As the store's, but not heard by this listener: it knows already. */
  notify(): Promise<boolean>
  close(): Promise<void>
}

export interface Store extends SessionWrites {
  /** Names this table space in every key derivation: two installations never share a key. */
  readonly realm: string
  /** Version of the UUIDs that name new sessions. @defaultValue 'v7' */
  readonly sessionIdVersion?: SessionIdVersion
  /** Prepares the schema. Called once, before anything else. */
  start(): Promise<void>
  close(): Promise<void>
  /** The database's clock, in milliseconds; `null` when the store has none but this process's. */
  time(): Promise<number | null>
  readMany(ids: readonly string[]): Promise<SessionRow[]>
  /** One turn, durably. @returns whether it was written */
  turn(turn: Turn): Promise<boolean>
  /** Many turns in one go; the last of them may be lost in a crash. @returns the ids written */
  turnMany(turns: readonly Turn[]): Promise<string[]>
  /** Makes a sibling current, durably. @returns whether it was written */
  switchSibling(expected: Expected, next: RotationState): Promise<boolean>
  /** Changes at or after `since`, oldest first; continues after `after`. At most `limit`. */
  changes(since: number, after: Change | null, limit: number): Promise<Change[]>
  keys(): Promise<KeyRow[]>
  /** Does nothing when the epoch exists. */
  insertKey(key: KeyRow): Promise<void>
  /** Sets `verifiesUntil` where it is still null. */
  retireKey(epoch: number, verifiesUntil: number): Promise<void>
  /** Deletes keys that verify nothing any more since `before`; all of them with `null`. @returns how many */
  deleteKeys(before: number | null): Promise<number>
  /**
   * Looks at most at `limit` rows, in the order of their ids after `after`, and ends the sessions among them
   * that were created by `before.created` and, where it is given, last seen before `before.seen`.
   * @returns what this call ended and where to go on, null at the end
   */
  endBatch(
    ending: Ending,
    before: { readonly created: number; readonly seen: number | null },
    after: string | null,
    limit: number,
  ): Promise<{ ended: { id: string; userId: string }[]; last: string | null }>
  /** Deletes at most `limit` rows whose `pruneAt` is before `now`. @returns how many were due, and how many this call deleted */
  prune(now: number, limit: number): Promise<{ due: number; deleted: number }>
  /** Begins to listen in the background; null where the store cannot. */
  listen(hooks: ListenerHooks): Listener | null
  /** The same writes inside the caller's own transaction. */
  using(client: unknown): SessionWrites
}
