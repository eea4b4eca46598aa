import type { Actor } from '../portable/actor.ts'
import type { ClaimsObject } from '../portable/claims.ts'
import type { DeviceKind } from '../portable/device-kind.ts'
import type { OwnEndReason } from '../portable/end-reason.ts'
import type { SessionIdVersion } from '../portable/session-id.ts'
import type { StoreInspection } from './inspection.ts'
import type { RotationState } from './rotation/decision.ts'

/**
 * The interface to the database, with one method per transition of the protocol. All times are parameters, in
 * milliseconds since the epoch. No write changes a session that has ended. A store throws `StoreUnavailableError` when
 * the database cannot be reached. It may miss a row that exists, so callers read again before they conclude anything.
 */

export type { DeviceKind } from '../portable/device-kind.ts'
export { END_REASONS, type EndReason, type OwnEndReason } from '../portable/end-reason.ts'

/**
 * New tokens of a session whose receipt nothing has shown yet. Its lineage has an anchor of its own: presenting its
 * refresh token replaces the lineage of the row. Times in milliseconds.
 */
export interface Renewal {
  readonly anchorHash: Uint8Array
  readonly at: number
  /** Whether the user authenticated again for it, or for the renewal that it follows. */
  readonly reauthenticated: boolean
  readonly authTime: number
  readonly absoluteExpiresAt: number | null
  /** `null` for those of the row. `writeClaims` sets it to null: later claims replace earlier ones. */
  readonly claims: ClaimsObject | null
}

/** The key that a session is bound to. Set once, never replaced. */
export interface DeviceKey {
  /** A point of P-256 in its compressed form, 33 bytes (SEC 1 section 2.3.3). A public key, worth nothing to a thief. */
  readonly key: Uint8Array
  readonly kind: DeviceKind
}

/** `turnedAt` is also when the session was last seen: at its last turn or, before the first one, at its login. */
export interface SessionRow extends RotationState {
  readonly id: string
  readonly userId: string
  readonly anchorHash: Uint8Array
  /** The pending renewals, the newest last. */
  readonly renewals: readonly Renewal[]
  /**
   * A token of a replaced lineage that was issued at or after this time ends the session: a renewal without
   * reauthentication has replaced it, perhaps for a thief. A reauthentication by id keeps the old `authTime` here, because it
   * replaces no lineage. `null`: the present `authTime` would do.
   */
  readonly reuseSince: number | null
  /** Increases with each change of claims or authentication. An access token carries the version it was issued from. */
  readonly version: number
  readonly createdAt: number
  readonly authTime: number
  /** Idle expiry. */
  readonly expiresAt: number
  /** `null` without an absolute lifetime. */
  readonly absoluteExpiresAt: number | null
  /** `null` for the option `idleTimeout`. */
  readonly idleTimeout: number | null
  readonly persistent: boolean
  readonly claims: ClaimsObject
  readonly data: unknown
  readonly dataVersion: number
  readonly ip: string | null
  readonly userAgent: string | null
  /** `null` for a login. A row with an actor has no refresh token. */
  readonly actor: Actor | null
  /** The session that this one ends with (`handoff`); `null` for any other. */
  readonly parentId: string | null
  /** `null` for a session that is not bound to a device. */
  readonly device: DeviceKey | null
  /** `null` exactly when `endReason` is. */
  readonly endedAt: number | null
  /** The stored text. A later release or another program may have reasons of its own. */
  readonly endReason: string | null
  /** When the row may be deleted. */
  readonly pruneAt: number
}

/** The state of the row that a compare-and-set requires. */
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

/** The write that adds a pending renewal. It requires the version and the renewals as they were read. */
export interface StartRenewal {
  readonly id: string
  readonly version: number
  readonly renewals: readonly Renewal[]
  readonly next: readonly Renewal[]
  readonly expiresAt: number
  readonly pruneAt: number
}

/** New claims of a row and of its renewals. It requires the version and the renewals as they were read. */
export interface ReplaceClaims {
  readonly id: string
  readonly version: number
  readonly renewals: readonly Renewal[]
  readonly claims: ClaimsObject
  readonly next: readonly Renewal[]
  readonly at: number
}

/** The turn to the lineage of a renewal. It requires the version and the renewals as they were read. */
export interface ConfirmRenewal extends Turn {
  readonly version: number
  readonly renewals: readonly Renewal[]
  /** The renewals that stay pending. */
  readonly remaining: readonly Renewal[]
  readonly anchorHash: Uint8Array
  readonly authTime: number
  readonly absoluteExpiresAt: number | null
  readonly claims: ClaimsObject
  readonly reuseSince: number | null
  readonly at: number
}

export interface Ending {
  readonly reason: OwnEndReason
  readonly at: number
  readonly pruneAt: number
  /** Who presented the token that ended the session; for the audit of a detected reuse. */
  readonly presenter?: { readonly ip: string | null; readonly userAgent: string | null }
}

/** The end or a new version of a session, which every process must read. */
export interface Change {
  readonly id: string
  readonly version: number
  /** As in {@link SessionRow}. */
  readonly endReason: string | null
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

/** A place in an order of sessions by time and id: after this session. */
export interface Position {
  readonly at: number
  readonly id: string
}

/** A part of the sessions of a user, the most recently seen first. */
export interface ListPage {
  /** Only sessions that are active at this time; `null` for all. */
  readonly activeAt: number | null
  /** Continues after this session; its `at` is its `turnedAt`. */
  readonly after: Position | null
  readonly limit: number
  /** Milliseconds after which a store on a server gives up, in place of its usual limit. */
  readonly within?: number
}

/** The statements that can also run in a transaction of the application. */
export interface SessionWrites {
  /**
   * Adds the row of a login, unless its id exists.
   * @returns whether the row with this id is that of this login; true also if an earlier attempt wrote it
   */
  insert(row: SessionRow): Promise<boolean>
  /** Reads a row; `null` without one. */
  read(id: string): Promise<SessionRow | null>
  /** Reads rows of a user, the most recently seen first. */
  listByUser(userId: string, page: ListPage): Promise<SessionRow[]>
  /** Reads when the newest active session of the user that the limit counts was created; `null` without one. */
  newestLogin(userId: string, now: number): Promise<number | null>
  /** Reads the ids of at most `limit` active sessions of a user, the oldest first, without those in `except`. */
  liveByUser(userId: string, now: number, except: readonly string[], limit: number): Promise<string[]>
  /** Ends a session; with `expected` only if the row is unchanged. @returns the user id if this call ended it, else null */
  end(id: string, ending: Ending, expected?: Expected): Promise<string | null>
  /**
   * Ends at most `limit` sessions of a user, the newest login first, so a walk never meets a login that arrives later.
   * @returns the ids of the sessions that this call ended, and where to continue, null at the end
   */
  endByUser(
    userId: string,
    ending: Ending,
    except: string | null,
    after: Position | null,
    limit: number,
  ): Promise<{ ended: string[]; last: Position | null }>
  /**
   * Ends at most `limit` of the active sessions that a user has besides the newest `keep`. Does not count those in `except`.
   * @returns how many it found, and the ids of the sessions that this call ended
   */
  endSurplus(
    userId: string,
    ending: Ending,
    keep: number,
    except: readonly string[],
    limit: number,
  ): Promise<{ found: number; ended: string[] }>
  /**
   * Erases personal data from at most `limit` ended rows of a user and sets their `pruneAt`.
   * @returns the number of rows
   */
  eraseByUser(userId: string, pruneAt: number, limit: number): Promise<number>
  /** Detaches a session of a user from its parent (`handoff`): it no longer ends with the parent. */
  detach(id: string, userId: string): Promise<void>
  /**
   * Erases a user as the actor of other sessions: the id, and address and user agent, which are those of the actor's device.
   * Erases the user from the audit too.
   * @returns how many sessions
   */
  eraseActor(userId: string): Promise<number>
  /**
   * Writes `data`. `merge` replaces top-level keys only; `null` removes a key, and the version stays if that changes
   * nothing. With `ifVersion`, only if the row has that data version.
   * @returns the data version after the call; null if the row was not found or has another version
   */
  writeData(
    id: string,
    data: unknown,
    how: 'replace' | 'merge',
    ifVersion: number | null,
  ): Promise<number | null>
  /** Replaces the claims of a session and raises its version. @returns the new version; null if the session has ended */
  writeClaims(id: string, claims: ClaimsObject, at: number): Promise<number | null>
  /** Replaces the claims of all active sessions of a user. @returns the changed sessions with their new versions */
  writeClaimsByUser(
    userId: string,
    claims: ClaimsObject,
    at: number,
  ): Promise<{ id: string; version: number }[]>
  /** Replaces the claims of a row and of its renewals, and raises the version. @returns whether it was written */
  replaceClaims(write: ReplaceClaims): Promise<boolean>
  /** Raises the version of a session. @returns the new version; null if the session has ended */
  raiseVersion(id: string, at: number): Promise<number | null>
  /**
   * Raises the versions of at most `limit` sessions of a user.
   * @returns the changed sessions with their new versions, and where to continue, null at the end
   */
  raiseVersionByUser(
    userId: string,
    at: number,
    after: Position | null,
    limit: number,
  ): Promise<{ raised: { id: string; version: number }[]; last: Position | null }>
  /** Binds a session that is not bound yet, durably. @returns whether the session has this key now */
  bindDevice(id: string, device: DeviceKey): Promise<boolean>
  /** Adds a pending renewal. @returns whether it was written */
  startRenewal(renewal: StartRenewal): Promise<boolean>
  /** Records a new authentication, only if the row has the version `ifVersion`. @returns whether it was written */
  reauthenticate(
    id: string,
    ifVersion: number,
    at: number,
    clocks: { expiresAt: number; absoluteExpiresAt: number | null; pruneAt: number },
  ): Promise<boolean>
  /** Notifies all listeners; in a transaction when it commits. @returns false if the store has no notifications */
  notify(): Promise<boolean>
}

/** Callbacks of {@link Store.listen}. */
export interface ListenerHooks {
  /** A notification arrived. The sender is a process, or unknown, as for a transaction. */
  readonly onChange: (sender?: 'process' | 'unknown') => void
  /** Listening has started or restarted: earlier notifications may be lost. */
  readonly onConnected: () => void
  /** A message of another program arrived on the channel. */
  readonly onForeign: () => void
  /** An attempt to listen failed: {@link Listener.failure} says why. */
  readonly onFailed?: () => void
}

/** Why notifications do not arrive. */
export interface ListenFailure {
  /** The same for failures of the same cause: the code of the error, or `timeout`. */
  readonly kind: string
  /** Its message is for an operator and contains no password. */
  readonly error: Error
}

/** A connection that receives notifications. It only saves time: polling finds every change too. */
export interface Listener {
  /** Why the last ping failed; `null` while nothing is known, as during the first attempt to connect. */
  readonly failure?: ListenFailure | null | undefined
  /** Whether a message to this process, sent like those of the others, arrives within `ms` milliseconds. Never rejects. */
  ping(ms: number): Promise<boolean>
  /** As {@link SessionWrites.notify}, but this listener ignores the notification. */
  notify(): Promise<boolean>
  close(): Promise<void>
}

/**
 * Why a row that exists may be missing. `row-security`: the database hides rows from this role. `unused-table`: the table
 * has never held a row, as in another database.
 */
export type MissingRows = 'row-security' | 'unused-table'

/** The options of {@link Store.start}. */
export interface StartStore {
  /**
   * Whether the process runs only while it answers requests, so that it keeps few connections and never listens.
   * @defaultValue false
   */
  readonly serverless?: boolean
}

/**
 * The persistence of sessions: `postgres()` of `pawl/postgres`, or `memory()` of `pawl/memory`. Its methods are for Pawl; an
 * application calls none of them. Times are in milliseconds since the epoch. A method throws `StoreUnavailableError` if the
 * database cannot be reached.
 */
export interface Store extends SessionWrites {
  /** The name of the installation in each key derivation, so that no two installations have the same keys. */
  readonly realm: string
  /** Whether the store is in this process, so that nothing happens in it while the process does not run. @defaultValue false */
  readonly local?: boolean
  /** The version of the UUIDs of new sessions. @defaultValue 'v7' */
  readonly sessionIdVersion?: SessionIdVersion
  /**
   * Whether this process only reads, as from a replica: all methods that write throw `StoreUnavailableError`. Rows and keys
   * may be older than the tokens of the clients. @defaultValue false
   */
  readonly readOnly?: boolean
  /**
   * Prepares the schema. Called once, before all other methods.
   * @returns the time of the database during the call, in milliseconds, if the store has read it on the way; else null
   */
  start(options?: StartStore): Promise<number | null>
  /** Closes the connections that the store has made. */
  close(): Promise<void>
  /** Reads the time of the database, in milliseconds; `null` if the store has no clock of its own. */
  time(): Promise<number | null>
  /** Reads several rows, in any order; a missing row is left out. */
  readMany(ids: readonly string[]): Promise<SessionRow[]>
  /** Finds out why a row that exists may be missing; `null` without a reason. */
  missingRows?(): Promise<MissingRows | null>
  /** Writes a turn durably. @returns whether it was written */
  turn(turn: Turn): Promise<boolean>
  /** Writes several turns; a crash may lose the last ones. @returns the ids of the written rows */
  turnMany(turns: readonly Turn[]): Promise<string[]>
  /** Makes a sibling current, durably. @returns whether it was written */
  switchSibling(expected: Expected, next: RotationState): Promise<boolean>
  /** Replaces the lineage and raises the version, durably. @returns whether it was written */
  confirmRenewal(renewal: ConfirmRenewal): Promise<boolean>
  /** Reads at most `limit` changes at or after `since`, the oldest first, following `after`. */
  changes(since: number, after: Change | null, limit: number): Promise<Change[]>
  /** Reads the signing keys. */
  keys(): Promise<KeyRow[]>
  /** Adds a signing key, unless its epoch exists. */
  insertKey(key: KeyRow): Promise<void>
  /** Sets `verifiesUntil` of a signing key if it is null. */
  retireKey(epoch: number, verifiesUntil: number): Promise<void>
  /** Deletes keys that retired before `before`, or all keys with `null`. @returns the number of deleted keys */
  deleteKeys(before: number | null): Promise<number>
  /**
   * Scans at most `limit` rows with ids after `after`. Ends their sessions that were created at or before
   * `before.created` and, unless it is null, last seen before `before.seen`.
   * @returns the ended sessions and the id to continue after, null at the end
   */
  endBatch(
    ending: Ending,
    before: { readonly created: number; readonly seen: number | null },
    after: string | null,
    limit: number,
  ): Promise<{ ended: { id: string; userId: string }[]; last: string | null }>
  /** Ends the given sessions again, if the database has lost their end. @returns the ids of those that it ended */
  endAgain(ids: readonly string[], ending: Ending): Promise<string[]>
  /** Counts lost connections. A failover loses all of them, and may lose the last commits. */
  lostConnections?(): number
  /**
   * Deletes at most `limit` rows whose `pruneAt` has passed, and records the expiry of their sessions in the audit. Also
   * deletes rows of the audit past their retention.
   * @returns how many rows of one of the tables were due, and how many sessions it deleted
   */
  prune(now: number, limit: number): Promise<{ due: number; deleted: number }>
  /** Starts to listen in the background. @returns null if the store has no notifications */
  listen(hooks: ListenerHooks): Listener | null
  /** Returns the same statements in a transaction of the application. */
  using(client: unknown): SessionWrites
  /** The figures and searches of the console. Without it the console shows single users and sessions only. */
  readonly inspect?: StoreInspection
}
