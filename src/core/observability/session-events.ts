import type { NormalContext } from '../request-context.ts'
import type { Verdict } from '../rotation/decision.ts'
import type { EndReason } from '../store.ts'

/** The events of {@link Sessions.on}. No event carries a token. */
export interface SessionEvents {
  /** `createSessions` has finished. Timeouts are in seconds; `null` means no limit. */
  started: {
    revocation: 'feed' | 'expiry' | 'lookup'
    accessTokenLifetime: number
    idleTimeout: number
    absoluteTimeout: number | null
  }
  created: { sessionId: string; userId: string; ip: string | null; userAgent: string | null }
  /** A refresh was answered. */
  refreshed: { sessionId: string; userId: string; verdict: Verdict }
  /** The row advanced to a new generation: by the refresh token itself, or by the use of its access token. */
  rotated: { sessionId: string; userId: string; generation: number; reason: 'refresh' | 'use' }
  /** The database had lost commits (a crash, a failover, a restored backup). A genuine token brought the row up to date. */
  rolledBack: { sessionId: string; userId: string; from: number; to: number }
  /** Pawl detected the reuse of a refresh token; `ended` follows. */
  reused: { sessionId: string; userId: string; ip: string | null; userAgent: string | null }
  /** This process ended a session. {@link Sessions.onEnded} also reports sessions that other processes ended. */
  ended: { sessionId: string; userId: string; reason: EndReason }
  /** A session came from another address or user agent than before. This alone never ends it. */
  contextChanged: {
    sessionId: string
    userId: string
    from: NormalContext
    to: NormalContext
  }
  /** A limit put a refresh off. `reason` is the option that decided. */
  refreshLimited: { sessionId: string; reason: 'refreshesPerMinute' | 'allowRefresh' }
  /** A login was refused, because the user has too many sessions. */
  sessionLimited: { userId: string }
  /** Confirmations were dropped. Harmless: the next refresh has the same effect. */
  confirmationsDropped: { count: number; reason: 'full' | 'late' | 'store' }
  /** A client presented a token made with a secret that this process does not have. */
  secretUnknown: Record<string, never>
  /** A new signing key was published. With a function as `keys.provided`: a new key signs now. */
  keysRotated: { epoch: number; kid: string; signsFrom: Date }
  /**
   * A signing key in the database is unusable, or the rotation failed: the old key keeps signing. With `keys.provided`,
   * where `epoch` is null: `sign` of a key failed, or the function that returns the keys.
   */
  keyTrouble: { epoch: number | null; error: unknown }
  /** The clock of this process is wrong. Pawl follows the clock of the database. */
  clockSkew: { milliseconds: number }
  /** Background work could not reach the store. */
  storeUnavailable: { operation: 'poll' | 'confirm' | 'notify' | 'end' | 'keys' | 'prune'; error: unknown }
  /** LISTEN works: revocations arrive within milliseconds. */
  feedListening: Record<string, never>
  /** LISTEN does not work: revocations arrive by polling until it does. */
  feedPolling: Record<string, never>
  /** The process has not read revocations for longer than `maxStaleness`; `onStale` applies. */
  feedStale: { seconds: number }
  /** The feed is current again after it was stale. */
  feedCaughtUp: { seconds: number }
  /** `revocation.memory` is full. Older access tokens must be refreshed; nobody is logged out. */
  feedOverflowed: { dropped: number; refreshBefore: Date }
  /** Another program sends on Pawl's NOTIFY channel. */
  feedForeign: { total: number }
  /** Rows past their retention were deleted. */
  pruned: { sessions: number; keys: number }
}

export type EventName = keyof SessionEvents
