import type { EndReason } from '../../portable/end-reason.ts'
import {
  assertNoEnd,
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
import { createSessionTable, type SessionTable } from './revocation-table.ts'

const SECOND = 1000
/** Every poll reads this far back again: a slow commit may become visible late. */
const OVERLAP = 60 * SECOND
/** A write takes this long at most from its time to its commit, clocks included, but for transactions of the application's. */
export const WRITE: number = 15 * SECOND
/** How long a transaction of the application's may stay open after it ended a session. */
const SLOW_COMMIT = 5 * 60 * SECOND
/** The whole retention is read again this often. */
const FULL_EVERY = 60 * SECOND
/** Reading the whole retention may take this part of the time; a long list is read less often. */
const FULL_SHARE = 0.05
const PAGE = 5000
const FIRST_ID = '00000000-0000-0000-0000-000000000000'

/**
 * How much a poll reads: what a notification has just told of, what could have become visible since the
 * last poll, or everything that still matters.
 */
export type Reach = 'news' | 'overlap' | 'all'

/**
 * What this process knows of sessions that ended or changed lately: enough to refuse their access
 * tokens without asking the database. Correct by polling alone.
 */
export interface Revocations {
  /** One look for everything an access token must not be. @throws SessionEndedError, AccessTokenExpiredError */
  assertGood(token: Pick<AccessToken, 'sessionId' | 'version' | 'issuedAt'>): void
  /** @throws SessionEndedError when the session is known to have ended */
  assertLive(sessionId: string): void
  /** Smallest acceptable version; 0 when nothing is known. */
  minimumVersion(sessionId: string): number
  /** Access tokens issued before this time must be refreshed: too much happened to be remembered. */
  readonly refreshBefore: number
  /** Raised with everything that may make a good access token a bad one. */
  readonly learned: number
  ended(sessionId: string, reason: EndReason): void
  changed(sessionId: string, version: number): void
  /** Reads what others changed. */
  poll(reach: Reach): Promise<void>
  /** Forgets what no access token can be as old as. */
  forget(): void
  /** Calls back once, when the session is known to have ended. @returns a function that removes the listener */
  onEnded(sessionId: string, listener: (reason: EndReason) => void): () => void
  /** Everything that is known: the last 64 bits of the session id as two unsigned words, what it is, and since when. */
  each: SessionTable['each']
  readonly size: number
  readonly bytes: number
}

/** @param retention how long an access token issued before a change can still be good, in ms */
export function createRevocations(
  store: Pick<Store, 'changes'>,
  clock: Clock,
  events: Events,
  retention: number,
  maxBytes: number,
): Revocations {
  const table = createSessionTable(maxBytes)
  const watchers = new Map<string, Set<(reason: EndReason) => void>>()
  let polledAt = Number.NEGATIVE_INFINITY
  let overlappedAt = Number.NEGATIVE_INFINITY
  let fullAt = Number.NEGATIVE_INFINITY
  let fullEvery = FULL_EVERY
  let refreshBefore = Number.NEGATIVE_INFINITY
  let learned = 0

  /** Tokens may have been issued until the change was committed, so it matters for that much longer. */
  const oldest = (now: number): number => now - retention - SLOW_COMMIT

  /** @param at when it happened; what is read again and again keeps its age */
  function learn(id: string, version: number, ended: EndReason | null, at: number): void {
    const known = table.get(id)
    if (known < 0) return
    const value = ended === null ? valueOfVersion(version) : valueOfEnd(ended)
    if (value > 0 && known >= value) return
    if (!table.set(id, value, at)) {
      makeRoom()
      table.set(id, value, at)
    }
    learned++
    if (ended !== null) tell(id, ended)
  }

  /** What is forgotten is covered by a rule that asks more of everybody, and less of nobody. */
  function makeRoom(): void {
    const thisSecond = Math.floor(clock.now() / SECOND) * SECOND
    // Access tokens know whole seconds: with nothing of this one forgotten, a new token is good at once.
    let { count } = table.forgetHalf(thisSecond - SECOND)
    refreshBefore = thisSecond
    if (count === 0) {
      count = table.forgetHalf().count
      refreshBefore = thisSecond + SECOND
    }
    learned++
    events.emit('feedOverflowed', { dropped: count, refreshBefore: new Date(refreshBefore) })
  }

  function tell(id: string, reason: EndReason): void {
    const listeners = watchers.get(id)
    if (listeners === undefined) return
    watchers.delete(id)
    for (const listener of listeners) listener(reason)
  }

  async function read(since: number): Promise<void> {
    let after = null as Change | null
    for (;;) {
      const page: Change[] = await store.changes(since, after, PAGE)
      for (const change of page) {
        // After an overflow the rule covers it, and learning it again would only overflow again.
        if (change.at < refreshBefore - WRITE) continue
        learn(change.id, change.version, change.endReason, change.at)
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return
      // Pawl writes whole milliseconds. What somebody else wrote within one must not be read for ever.
      const stuck: boolean = after !== null && after.at === last.at && after.id >= last.id
      after = stuck ? { ...last, at: last.at + 1, id: FIRST_ID } : last
    }
  }

  return {
    assertGood: (token) => assertNotRevoked(token, table.get(token.sessionId), refreshBefore),
    assertLive: (sessionId) => assertNoEnd(sessionId, table.get(sessionId)),
    minimumVersion: (sessionId) => versionOf(table.get(sessionId)),
    get refreshBefore() {
      return refreshBefore
    },
    get learned() {
      return learned
    },
    ended: (sessionId, reason) => learn(sessionId, 0, reason, clock.now()),
    changed: (sessionId, version) => learn(sessionId, version, null, clock.now()),
    async poll(reach) {
      const now = clock.now()
      // Distances, because an injected clock may also have been set back.
      const full = reach === 'all' || Math.abs(now - fullAt) >= fullEvery
      let since = oldest(now)
      if (!full && reach === 'overlap') since = now - OVERLAP - Math.abs(now - overlappedAt)
      if (!full && reach === 'news') since = now - WRITE - Math.abs(now - polledAt)
      const startedAt = performance.now()
      await read(since)
      polledAt = now
      if (reach !== 'news' || full) overlappedAt = now
      if (!full) return
      fullAt = now
      fullEvery = Math.max(FULL_EVERY, (performance.now() - startedAt) / FULL_SHARE)
    },
    forget: () => table.forget(oldest(clock.now())),
    onEnded(sessionId, listener) {
      const guarded = guard('a listener of `onEnded`', listener)
      const reason = reasonOf(table.get(sessionId))
      if (reason !== null) {
        guarded(reason)
        return () => {}
      }
      const listeners = watchers.get(sessionId) ?? new Set()
      watchers.set(sessionId, listeners.add(guarded))
      return () => {
        listeners.delete(guarded)
        if (listeners.size === 0 && watchers.get(sessionId) === listeners) watchers.delete(sessionId)
      }
    },
    each: table.each,
    get size() {
      return table.size
    },
    get bytes() {
      return table.bytes
    },
  }
}
