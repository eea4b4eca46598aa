import type { Clock } from './clock.ts'
import { SessionEndedError } from './errors.ts'
import { type Events, guard } from './events.ts'
import { createSessionTable } from './session-table.ts'
import { type Change, END_REASONS, type EndReason, type Store } from './store.ts'

const SECOND = 1000
/** Every poll reads this far back again: a slow commit may become visible late. */
const OVERLAP = 60 * SECOND
/** Reading only the news goes back this far: about as long as a write may take, clocks included. */
const NEWS_OVERLAP = 15 * SECOND
/** The whole retention is read again this often. */
const FULL_EVERY = 60 * SECOND
/** Reading the whole retention may take this part of the time; a long list is read less often. */
const FULL_SHARE = 0.05
/** How long a transaction of the application's may stay open after it ended a session. */
const SLOW_COMMIT = 5 * 60 * SECOND
const PAGE = 5000

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
  /** @throws SessionEndedError when the session is known to have ended */
  assertLive(sessionId: string): void
  /** Smallest acceptable version; 0 when nothing is known. */
  minimumVersion(sessionId: string): number
  /** Access tokens issued before this time must be refreshed: too much happened to be remembered. */
  readonly refreshBefore: number
  ended(sessionId: string, reason: EndReason): void
  changed(sessionId: string, version: number): void
  /** Reads what others changed. */
  poll(reach: Reach): Promise<void>
  /** Calls back once, when the session is known to have ended. @returns a function that removes the listener */
  onEnded(sessionId: string, listener: (reason: EndReason) => void): () => void
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

  function learn(id: string, version: number, ended: EndReason | null): void {
    const known = table.get(id)
    if (known < 0) return
    // An end is below zero, by its reason; a version above.
    const value = ended === null ? version + 1 : -1 - END_REASONS.indexOf(ended)
    if (value > 0 && known >= value) return
    if (!table.set(id, value, clock.now())) {
      makeRoom()
      table.set(id, value, clock.now())
    }
    if (ended !== null) tell(id, ended)
  }

  /** What is forgotten is covered by a rule that asks more of everybody, and less of nobody. */
  function makeRoom(): void {
    const { upTo, count } = table.forgetHalf()
    refreshBefore = Math.max(refreshBefore, upTo)
    events.emit('feedOverflowed', { dropped: count, refreshBefore: new Date(refreshBefore) })
  }

  function tell(id: string, reason: EndReason): void {
    const listeners = watchers.get(id)
    if (listeners === undefined) return
    watchers.delete(id)
    for (const listener of listeners) listener(reason)
  }

  const endOf = (id: string): EndReason | null => {
    const value = table.get(id)
    return value < 0 ? END_REASONS[-1 - value]! : null
  }

  return {
    assertLive(sessionId) {
      const reason = endOf(sessionId)
      if (reason !== null) throw new SessionEndedError(sessionId, reason)
    },
    minimumVersion: (sessionId) => Math.max(0, table.get(sessionId) - 1),
    get refreshBefore() {
      return refreshBefore
    },
    ended: (sessionId, reason) => learn(sessionId, 0, reason),
    changed: (sessionId, version) => learn(sessionId, version, null),
    async poll(reach) {
      const now = clock.now()
      // Distances, because a clock may also have been set back.
      const full = reach === 'all' || Math.abs(now - fullAt) >= fullEvery
      let since = now - retention - SLOW_COMMIT
      if (!full && reach === 'overlap') since = now - OVERLAP - Math.abs(now - overlappedAt)
      if (!full && reach === 'news') since = now - NEWS_OVERLAP - Math.abs(now - polledAt)
      const startedAt = performance.now()
      let last: Change | null = null
      for (;;) {
        const page: Change[] = await store.changes(since, last, PAGE)
        for (const change of page) learn(change.id, change.version, change.endReason)
        last = page.at(-1) ?? null
        if (page.length < PAGE) break
      }
      polledAt = now
      if (reach !== 'news' || full) overlappedAt = now
      if (!full) return
      fullAt = now
      fullEvery = Math.max(FULL_EVERY, (performance.now() - startedAt) / FULL_SHARE)
      table.forget(now - retention)
    },
    onEnded(sessionId, listener) {
      const guarded = guard('a listener of `onEnded`', listener)
      const reason = endOf(sessionId)
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
    get size() {
      return table.size
    },
    get bytes() {
      return table.bytes
    },
  }
}
