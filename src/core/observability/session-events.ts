import type { Actor } from '../../portable/actor.ts'
import type { NormalContext } from '../request-context.ts'
import type { Verdict } from '../rotation/decision.ts'
import type { DeviceKind, EndReason, MissingRows } from '../store.ts'

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
  /** An administrator acts as a user (`session.actAs`), in a session of its own until `expiresAt` at the latest. */
  actingStarted: {
    sessionId: string
    userId: string
    actor: Actor
    expiresAt: Date
    ip: string | null
    userAgent: string | null
  }
  /** The administrator stopped acting or signed out. Acting that expires, or that a `revoke` ends, emits no such event. */
  actingStopped: {
    sessionId: string
    userId: string
    actor: Actor
    ip: string | null
    userAgent: string | null
  }
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
  /** A session was bound to the key of a device: from now on its refreshes need a proof by that key. */
  deviceBound: {
    sessionId: string
    userId: string
    kind: DeviceKind
    thumbprint: string
    ip: string | null
    userAgent: string | null
  }
  /**
   * A refresh of a bound session came without a proof: from a thief with copied tokens, or from a client that has lost its key.
   * Pawl refused it and changed nothing.
   */
  deviceProofMissing: { sessionId: string; userId: string; ip: string | null; userAgent: string | null }
  /** A refresh of a bound session, or a proof at the device route, came with another key. Pawl refused it and changed nothing. */
  deviceMismatch: { sessionId: string; userId: string; ip: string | null; userAgent: string | null }
  /**
   * An administrator acted by the console (`pawl/console`). `actor` is who, as `authorize` says. `sessions` is how many sessions
   * the action changed: 0 for `rotate-keys`, and if somebody else was faster or the database failed before; `null` if the
   * database failed on the way and some may have changed.
   */
  consoleAction: {
    action: ConsoleAction
    actor: string
    sessionId: string | null
    userId: string | null
    sessions: number | null
  }
  /** A session came from another address or user agent than before. This alone never ends it. */
  contextChanged: {
    sessionId: string
    userId: string
    from: NormalContext
    to: NormalContext
  }
  /**
   * A refresh met stored claims or data that their schema refuses. `path` is the place of the first issue. With
   * `onSchemaMismatch: 'reject'` the user must sign in again.
   */
  schemaMismatch: { sessionId: string; userId: string; path: string }
  /**
   * The option `refreshClaims` failed or took too long, and `onRefreshClaimsError` applies. Or its claims are refused by the
   * schema or too large, and the session keeps those that it has.
   */
  claimsRefreshFailed: { sessionId: string; userId: string; error: unknown }
  /**
   * A response sets session cookies that a proxy may refuse: its `Set-Cookie` lines have `bytes`, which is more than `limit`.
   * Once per `createSessions`. Make the claims smaller, or the buffer of the proxy larger.
   */
  cookiesLarge: { bytes: number; limit: number }
  /** A limit put a refresh off. `reason` is the option that decided. */
  refreshLimited: { sessionId: string; reason: 'refreshesPerMinute' | 'allowRefresh' }
  /** A login was refused, because the user has too many sessions. */
  sessionLimited: { userId: string }
  /** Confirmations were dropped. Harmless: the next refresh has the same effect. */
  confirmationsDropped: { count: number; reason: 'full' | 'late' | 'store' }
  /** A client presented a refresh token or a handoff code of a secret or a release that this process does not have. */
  secretUnknown: Record<string, never>
  /** A genuine token has no row, but the row may exist: the client retries and keeps its cookies. */
  rowsHidden: { reason: MissingRows }
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
  storeUnavailable: { operation: Exclude<BackgroundOperation, 'clock'>; error: unknown }
  /** Background work failed, and not because of the database: a bug of Pawl, of the driver or of a custom store. */
  backgroundFailed: { operation: BackgroundOperation; error: unknown }
  /** LISTEN works: revocations arrive within milliseconds. */
  feedListening: Record<string, never>
  /**
   * LISTEN does not work: revocations arrive by polling until it does. Emitted once per reason. `error` says why, without
   * a password; `null` if the store does not know.
   */
  feedPolling: { error: Error | null }
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

/** What an administrator can do by the console. */
export type ConsoleAction =
  | 'end-session'
  | 'end-user'
  | 'end-others'
  | 'expire-session'
  | 'expire-user'
  | 'rotate-keys'

/** Work that no request waits for. */
export type BackgroundOperation = 'poll' | 'confirm' | 'notify' | 'end' | 'keys' | 'prune' | 'clock'

export type EventName = keyof SessionEvents
