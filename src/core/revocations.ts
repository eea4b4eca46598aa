import type { Clock } from './clock.ts'
import { SessionEndedError } from './errors.ts'
import type { Change, EndReason, Store } from './store.ts'

const SECOND = 1000
/** Every poll reads this far back again: a slow commit may become visible late. */
const OVERLAP = 60 * SECOND
/** The whole retention is read again this often. */
const FULL_EVERY = 60 * SECOND
/** How long a transaction of the application's may stay open after it ended a session. */
const SLOW_COMMIT = 5 * 60 * SECOND
const PAGE = 5000

/**
 * What this process knows of sessions that ended or changed lately: enough to refuse their access
 * tokens without asking the database. Correct by polling alone.
 */
export interface Revocations {
  /** @throws SessionEndedError when the session is known to have ended */
  assertLive(sessionId: string): void
  /** Smallest acceptable version; 0 when nothing is known. */
  minimumVersion(sessionId: string): number
  ended(sessionId: string, reason: EndReason): void
  changed(sessionId: string, version: number): void
  /** Reads what others changed. */
  poll(): Promise<void>
  readonly size: number
}

/** One small object per touched session; a version at or above 0, or why it ended. */
interface Entry {
  readonly version: number
  readonly ended: EndReason | null
  /** When this process learned of it: tokens may have been issued until then. */
  readonly learnedAt: number
}

/** @param retention how long an access token issued before a change can still be good, in ms */
export function createRevocations(
  store: Pick<Store, 'changes'>,
  clock: Clock,
  retention: number,
): Revocations {
  const entries = new Map<string, Entry>()
  let polledAt = Number.NEGATIVE_INFINITY
  let fullAt = Number.NEGATIVE_INFINITY

  function learn(id: string, version: number, ended: EndReason | null): void {
    const known = entries.get(id)
    if (known !== undefined) {
      if (known.ended !== null) return
      if (ended === null && known.version >= version) return
    }
    // Insertion order is the order of learning, which is what forgetting goes by.
    entries.delete(id)
    entries.set(id, { version, ended, learnedAt: clock.now() })
  }

  return {
    assertLive(sessionId) {
      const reason = entries.get(sessionId)?.ended
      if (reason != null) throw new SessionEndedError(sessionId, reason)
    },
    minimumVersion: (sessionId) => entries.get(sessionId)?.version ?? 0,
    ended: (sessionId, reason) => learn(sessionId, 0, reason),
    changed: (sessionId, version) => learn(sessionId, version, null),
    async poll() {
      const now = clock.now()
      const gap = now - polledAt
      const full = now - fullAt >= FULL_EVERY
      const since = full ? now - retention - SLOW_COMMIT : now - OVERLAP - gap
      let last: Change | null = null
      for (;;) {
        const page: Change[] = await store.changes(since, last, PAGE)
        for (const change of page) learn(change.id, change.version, change.endReason)
        last = page.at(-1) ?? null
        if (page.length < PAGE) break
      }
      polledAt = now
      if (full) fullAt = now
      for (const [id, entry] of entries) {
        if (now - entry.learnedAt > retention) entries.delete(id)
      }
    },
    get size() {
      return entries.size
    },
  }
}
