import type { Actor } from '../../portable/actor.ts'
import type { NormalContext } from '../request-context.ts'
import type { Verdict } from '../rotation/decision.ts'
import type { DeviceKind, EndReason, MissingRows } from '../store.ts'

/**
 * The events of {@link Sessions.on}, by name. No event carries a token. `ip` and `userAgent` are `null` if they are not known,
 * or if the options `privacy.ip` and `privacy.userAgent` leave them out.
 */
export interface SessionEvents {
  /**
   * `createSessions` has finished. Durations are in seconds; `null` means no limit. Only the options `logger` and `telemetry`
   * and diagnostics channels get this event.
   */
  started: {
    revocation: 'feed' | 'expiry' | 'lookup'
    accessTokenLifetime: number
    idleTimeout: number
    absoluteTimeout: number | null
  }
  /** A session started: by a login, or by the redemption of a handoff code. */
  created: { sessionId: string; userId: string; ip: string | null; userAgent: string | null }
  /** An administrator started to act as a user (`session.actAs`). The acting session ends at `expiresAt` at the latest. */
  actingStarted: {
    sessionId: string
    userId: string
    actor: Actor
    expiresAt: Date
    ip: string | null
    userAgent: string | null
  }
  /**
   * The administrator stopped acting or signed out. If the acting session expires, or `revoke` ends it, Pawl does not
   * emit this event.
   */
  actingStopped: {
    sessionId: string
    userId: string
    actor: Actor
    ip: string | null
    userAgent: string | null
  }
  /** Pawl answered a refresh with new tokens. */
  refreshed: { sessionId: string; userId: string; verdict: Verdict }
  /**
   * The row advanced to a new generation. `reason` is `refresh` for a presented refresh token, and `use` for the use of its
   * access token.
   */
  rotated: { sessionId: string; userId: string; generation: number; reason: 'refresh' | 'use' }
  /**
   * A genuine refresh token brought the row up to date, from the generation `from` to the generation `to`. The database had
   * lost commits: by a crash, a failover or a restored backup.
   */
  rolledBack: { sessionId: string; userId: string; from: number; to: number }
  /**
   * Pawl detected the reuse of a refresh token; `ended` follows. `ip` and `userAgent` are those of the request that presented
   * the token.
   */
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
   * A refresh of a bound session came without a proof. The client is a thief with copied tokens, or has lost its key. Pawl
   * refused the refresh and changed nothing.
   */
  deviceProofMissing: { sessionId: string; userId: string; ip: string | null; userAgent: string | null }
  /** A refresh of a bound session, or a proof at the device route, came with another key. Pawl refused it and changed nothing. */
  deviceMismatch: { sessionId: string; userId: string; ip: string | null; userAgent: string | null }
  /**
   * An administrator acted by the console (`pawl/console`). `actor` is the name that `authorize` returned. `sessions` is the
   * number of sessions that the action changed. It is 0 if another administrator was faster or the database failed before,
   * and for `rotate-keys`. It is `null` if the database failed during the action: some sessions may have changed.
   */
  consoleAction: {
    action: ConsoleAction
    actor: string
    sessionId: string | null
    userId: string | null
    sessions: number | null
  }
  /** A session came from another address or user agent than before. This alone never ends the session. */
  contextChanged: {
    sessionId: string
    userId: string
    from: NormalContext
    to: NormalContext
  }
  /**
   * A schema refused the stored claims or data of a session during a refresh. `path` is the place of the first issue. With
   * `onSchemaMismatch: 'reject'` the user must sign in again.
   */
  schemaMismatch: { sessionId: string; userId: string; path: string }
  /**
   * The option `refreshClaims` failed or took too long, and `onRefreshClaimsError` applies. Or its claims are too large or the
   * schema refuses them, and the session keeps the present claims.
   */
  claimsRefreshFailed: { sessionId: string; userId: string; error: unknown }
  /**
   * The session cookies of a response are so large that a proxy may refuse it. `bytes` is the size of its `Set-Cookie` lines,
   * which exceeds `limit`. Emitted once. Make the claims smaller, or the buffer of the proxy larger.
   */
  cookiesLarge: { bytes: number; limit: number }
  /** A limit refused a refresh, and the client retries. `reason` is the option of `limits` that decided. */
  refreshLimited: { sessionId: string; reason: 'refreshesPerMinute' | 'allowRefresh' }
  /** Pawl refused a login, because the user has reached `limits.sessionsPerUser`. */
  sessionLimited: { userId: string }
  /**
   * Pawl dropped confirmations. This is harmless, because the next refresh has the same effect. `reason`: the queue was
   * `full`, they were `late`, or the write failed (`store`).
   */
  confirmationsDropped: { count: number; reason: 'full' | 'late' | 'store' }
  /** A client presented a refresh token or a handoff code of a secret or a release that this process does not have. */
  secretUnknown: Record<string, never>
  /** The row of a genuine token was not found, but it may exist. The client retries and keeps its cookies. */
  rowsHidden: { reason: MissingRows }
  /** A new signing key was published; it signs from `signsFrom`. With a function as `keys.provided`: a new key signs now. */
  keysRotated: { epoch: number; kid: string; signsFrom: Date }
  /**
   * A signing key in the database is unusable, or the rotation failed; the old key keeps signing. With `keys.provided`,
   * `epoch` is `null`: `sign` of a key failed, or the function that returns the keys.
   */
  keyTrouble: { epoch: number | null; error: unknown }
  /**
   * The clock of this process differs by more than 5 seconds from that of the database, which Pawl follows. `milliseconds`
   * is positive if the clock of this process is behind.
   */
  clockSkew: { milliseconds: number }
  /** Background work could not reach the store. Pawl retries it. */
  storeUnavailable: { operation: Exclude<BackgroundOperation, 'clock'>; error: unknown }
  /** Background work failed, but not by an outage: by a bug of Pawl, of the driver or of a custom store. Pawl retries it. */
  backgroundFailed: { operation: BackgroundOperation; error: unknown }
  /** LISTEN works: revocations arrive within milliseconds. */
  feedListening: Record<string, never>
  /**
   * LISTEN does not work, so revocations arrive by polling. Emitted once per reason. `error` is the reason, without a
   * password; `null` if the store does not know it.
   */
  feedPolling: { error: Error | null }
  /** The process has not read revocations for `seconds`, longer than `revocation.maxStaleness`; `revocation.onStale` applies. */
  feedStale: { seconds: number }
  /** The feed is current again after it was stale. `seconds` is how old the list of revocations had become. */
  feedCaughtUp: { seconds: number }
  /**
   * The list of revocations was full (`revocation.memory`), and `dropped` entries were removed. Access tokens issued before
   * `refreshBefore` must be refreshed. Nobody is signed out.
   */
  feedOverflowed: { dropped: number; refreshBefore: Date }
  /** Another program sends messages on Pawl's NOTIFY channel, `total` so far. Emitted at the 1st, 2nd, 4th, 8th and so on. */
  feedForeign: { total: number }
  /** Pawl deleted rows past their retention: `sessions` sessions and `keys` signing keys. */
  pruned: { sessions: number; keys: number }
}

/** An action of an administrator in the console. */
export type ConsoleAction =
  | 'end-session'
  | 'end-user'
  | 'end-others'
  | 'expire-session'
  | 'expire-user'
  | 'rotate-keys'

/** Work that no request waits for. */
export type BackgroundOperation = 'poll' | 'confirm' | 'notify' | 'end' | 'keys' | 'prune' | 'clock'

/** The name of an event of {@link SessionEvents}. */
export type EventName = keyof SessionEvents
