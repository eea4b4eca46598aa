import { type EndReason, knownReason } from '../../portable/end-reason.ts'
import {
  assertNotRevoked,
  reasonOf,
  valueOfEnd,
  valueOfVersion,
  versionOf,
} from '../../portable/revocation-value.ts'
import { type Events, guard } from '../observability/events.ts'
import type { Change, Store } from '../store.ts'
import type { Clock } from '../time/clock.ts'
import type { AccessToken } from '../tokens/access-token.ts'
import { createRevocationTable, type VisitEntry } from './revocation-table.ts'

const SECOND = 1000
/** Each poll re-reads this much, because a transaction may commit late. */
const OVERLAP = 60 * SECOND
/** The longest time from the timestamp of a write by Pawl to its commit, including clock differences. */
export const MAX_COMMIT_DELAY: number = 15 * SECOND
/** The same for a write in a transaction of the application. */
const MAX_TRANSACTION_DELAY = 5 * 60 * SECOND
/** A full read follows this often. */
const FULL_READ_INTERVAL = 60 * SECOND
/** A long list is read less often, so that full reads take at most this part of the time. */
const FULL_READ_TIME_SHARE = 0.05
const PAGE_SIZE = 5000
const FIRST_ID = '00000000-0000-0000-0000-000000000000'

/**
 * How far back a poll reads: to the last commits after a notification, to every commit that may have become visible
 * since the last poll, or through the whole retention.
 */
export type PollDepth = 'recent' | 'overlap' | 'all'

/**
 * The sessions that ended or changed recently, as far as this process has read them. With them, a process refuses
 * access tokens without a query.
 */
export interface Revocations {
  /** @throws SessionEndedError, AccessTokenExpiredError */
  assertNotRevoked(
    token: Pick<AccessToken, 'sessionId' | 'version' | 'issuedAt' | 'actor' | 'actorVersion' | 'ancestors'>,
  ): void
  /** Why the session ended; `null` when no end is known. */
  endOf(sessionId: string): EndReason | null
  /** The smallest accepted version of the row; 0 when nothing is known. */
  minimumVersion(sessionId: string): number
  /** Access tokens issued before this time must be refreshed, because entries were dropped for lack of memory. */
  readonly refreshBefore: number
  /** Increases whenever a valid access token may have become invalid. */
  readonly revision: number
  /** @param reason any text: of Pawl, or of another program */
  addEnd(sessionId: string, reason: string): void
  addVersion(sessionId: string, version: number): void
  /**
   * Reads the changes made by other processes.
   * @param onFound called with the time of each change that this process did not know
   */
  poll(depth: PollDepth, onFound?: (changedAt: number) => void): Promise<void>
  /** Drops entries that are older than any valid access token. */
  deleteExpired(): void
  /** Calls back once when the session is known to have ended. @returns a function that removes the listener */
  onEnded(sessionId: string, listener: (reason: EndReason) => void): () => void
  forEach(visit: VisitEntry): void
  readonly size: number
  readonly bytes: number
}

/** @param retention how long an access token issued before a change may stay valid, in ms */
export function createRevocations(
  store: Pick<Store, 'changes'>,
  clock: Clock,
  events: Events,
  retention: number,
  maxBytes: number,
): Revocations {
  const table = createRevocationTable(maxBytes)
  const endListeners = new Map<string, Set<(reason: EndReason) => void>>()
  let polledAt = Number.NEGATIVE_INFINITY
  let overlapReadAt = Number.NEGATIVE_INFINITY
  let fullReadAt = Number.NEGATIVE_INFINITY
  let fullReadInterval = FULL_READ_INTERVAL
  let refreshBefore = Number.NEGATIVE_INFINITY
  let revision = 0

  /** Until the change is committed, access tokens may still be issued, so an entry is kept that much longer. */
  const oldestKept = (now: number): number => now - retention - MAX_TRANSACTION_DELAY

  /**
   * @param at when the change happened: an entry that is read again keeps its age
   * @returns whether the change is new
   */
  function add(id: string, version: number, endReason: string | null, at: number): boolean {
    const known = table.get(id)
    if (known < 0) {
      // If the database had lost the end, access tokens were issued until it was written again.
      if (endReason !== null) table.set(id, known, at)
      return false
    }
    const value = endReason === null ? valueOfVersion(version) : valueOfEnd(endReason)
    if (value > 0 && known >= value) return false
    if (!table.set(id, value, at)) {
      dropOlderHalf()
      table.set(id, value, at)
    }
    revision++
    if (endReason !== null) notifyListeners(id, knownReason(endReason))
    return true
  }

  /** `refreshBefore` replaces the dropped entries: every older access token must be refreshed. */
  function dropOlderHalf(): void {
    const thisSecond = Math.floor(clock.now() / SECOND) * SECOND
    // `iat` has whole seconds. If no entry of this second is dropped, a token issued now is valid at once.
    let dropped = table.deleteOlderHalf(thisSecond - SECOND)
    refreshBefore = thisSecond
    if (dropped === 0) {
      dropped = table.deleteOlderHalf()
      refreshBefore = thisSecond + SECOND
    }
    revision++
    events.emit('feedOverflowed', { dropped, refreshBefore: new Date(refreshBefore) })
  }

  function notifyListeners(id: string, reason: EndReason): void {
    const listeners = endListeners.get(id)
    if (listeners === undefined) return
    endListeners.delete(id)
    for (const listener of listeners) listener(reason)
  }

  async function read(since: number, onFound: (changedAt: number) => void): Promise<void> {
    let after = null as Change | null
    for (;;) {
      const page: Change[] = await store.changes(since, after, PAGE_SIZE)
      for (const change of page) {
        // `refreshBefore` covers the change. Adding it again would only fill the table again.
        if (change.at < refreshBefore - MAX_COMMIT_DELAY) continue
        const isNew = add(change.id, change.version, change.endReason, change.at)
        // A change that was dropped for lack of memory is new to the table only.
        if (isNew && change.at >= refreshBefore) onFound(change.at)
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE_SIZE) return
      // Another program may have written microseconds, which the cursor lacks. Skip that millisecond.
      const stuck: boolean = after !== null && after.at === last.at && after.id >= last.id
      after = stuck ? { ...last, at: last.at + 1, id: FIRST_ID } : last
    }
  }

  return {
    assertNotRevoked: (token) => assertNotRevoked(token, table.get, refreshBefore),
    endOf: (sessionId) => reasonOf(table.get(sessionId)),
    minimumVersion: (sessionId) => versionOf(table.get(sessionId)),
    get refreshBefore() {
      return refreshBefore
    },
    get revision() {
      return revision
    },
    addEnd: (sessionId, reason) => void add(sessionId, 0, reason, clock.now()),
    addVersion: (sessionId, version) => void add(sessionId, version, null, clock.now()),
    async poll(depth, onFound = () => {}) {
      const now = clock.now()
      // Absolute differences, because an injected clock may be set back.
      const full = depth === 'all' || Math.abs(now - fullReadAt) >= fullReadInterval
      let since = oldestKept(now)
      if (!full && depth === 'overlap') since = now - OVERLAP - Math.abs(now - overlapReadAt)
      if (!full && depth === 'recent') since = now - MAX_COMMIT_DELAY - Math.abs(now - polledAt)
      const startedAt = performance.now()
      await read(since, onFound)
      const elapsed = performance.now() - startedAt
      polledAt = now
      if (depth !== 'recent' || full) overlapReadAt = now
      if (!full) return
      fullReadAt = now
      fullReadInterval = Math.max(FULL_READ_INTERVAL, elapsed / FULL_READ_TIME_SHARE)
    },
    deleteExpired: () => table.deleteBefore(oldestKept(clock.now())),
    onEnded(sessionId, listener) {
      const guarded = guard('a listener of `onEnded`', listener)
      const reason = reasonOf(table.get(sessionId))
      if (reason !== null) {
        guarded(reason)
        return () => {}
      }
      const listeners = endListeners.get(sessionId) ?? new Set()
      endListeners.set(sessionId, listeners.add(guarded))
      return () => {
        listeners.delete(guarded)
        if (listeners.size === 0 && endListeners.get(sessionId) === listeners) endListeners.delete(sessionId)
      }
    },
    forEach: table.forEach,
    get size() {
      return table.size
    },
    get bytes() {
      return table.bytes
    },
  }
}
