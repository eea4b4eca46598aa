import type { ClaimsObject } from '../portable/claims.ts'
import type { VerifiedSession } from '../portable/verified-session.ts'
import type { Internals, internals } from './internals.ts'
import type { JsonWebKeySet, KeyInfo } from './keys/key-ring.ts'
import type { EventName, SessionEvents } from './observability/session-events.ts'
import type { SessionsStats } from './observability/telemetry.ts'
import type { RefreshContext, RequestContext } from './request-context.ts'
import type { Session } from './session/session.ts'
import type { EndReason } from './store.ts'
import type { IssuedToken } from './tokens/issue.ts'

export interface CreateSession<Claims extends object, Data> extends RequestContext {
  /** 1 to 255 characters. */
  readonly userId: string
  /** Put at the top level of the access token, where the client can read them. @defaultValue {} */
  readonly claims?: Claims
  /** Kept in the row, never sent to the client. @defaultValue null */
  readonly data?: Data
  /** A session this login takes the place of; it ends as `replaced` (session fixation, ASVS 7.2.4). */
  readonly replaces?: string | undefined
  /** "Remember me": whether cookies outlive the browser. @defaultValue true */
  readonly persistent?: boolean
  /** Whole seconds; instead of the configured one. */
  readonly idleTimeout?: number
  /** Seconds; instead of the configured one. */
  readonly absoluteTimeout?: number | null
}

export interface CreatedSession<Claims extends object, Data> {
  readonly session: Session<Claims, Data>
  readonly accessToken: IssuedToken
  readonly refreshToken: IssuedToken
}

export interface RefreshedSession<Claims extends object, Data> {
  readonly session: Session<Claims, Data>
  readonly accessToken: IssuedToken
  /** `null`: keep the one you have. */
  readonly refreshToken: IssuedToken | null
}

export type { VerifiedSession } from '../portable/verified-session.ts'

/** The writes that can also run inside a transaction of the application's own. */
export interface SessionOperations<Claims extends object, Data> {
  /**
   * Starts a session.
   * @throws TypeError for claims with reserved names or too large for a cookie
   * @throws SessionLimitError when the user has too many and `onSessionLimit` is `reject`
   */
  create(session: CreateSession<Claims, Data>): Promise<CreatedSession<Claims, Data>>
  /** Ends a session, everywhere. @returns whether this call ended it */
  revoke(sessionId: string, reason?: EndReason): Promise<boolean>
  /** Ends all sessions of a user but `except`. @returns how many this call ended */
  revokeUser(userId: string, options?: { readonly except?: string }): Promise<number>
  /**
   * Ends all sessions of a user and takes everything personal out of their rows (user id, address, user
   * agent, claims, data); what is left is deleted within days. @returns how many rows
   */
  deleteUser(userId: string): Promise<number>
  /**
   * "Refresh now": older access tokens of one session, or of all of a user's, are refused by every process
   * and answer "refresh". Logs nobody out. @returns how many sessions
   */
  expireAccessTokens(sessions: string | { readonly userId: string }): Promise<number>
  /** @returns null when there is none, or its row has been pruned */
  get(sessionId: string): Promise<Session<Claims, Data> | null>
  /** All kept sessions of a user, ended ones too, the most recently seen first. */
  list(userId: string): Promise<Session<Claims, Data>[]>
  /**
   * Replaces `data`. @returns the new data version; null when `ifVersion` is not the row's any more
   * @throws SessionEndedError: data never brings an ended session back
   */
  setData(sessionId: string, data: Data, options?: { readonly ifVersion?: number }): Promise<number | null>
  /** Replaces the given top-level keys of `data`. Otherwise as {@link setData}. */
  patchData(
    sessionId: string,
    patch: Partial<Data>,
    options?: { readonly ifVersion?: number },
  ): Promise<number | null>
  /**
   * Replaces the claims. Older access tokens are refused by every process and answer "refresh".
   * @returns the session's new version
   * @throws SessionEndedError
   */
  setClaims(sessionId: string, claims: Claims): Promise<number>
  /**
   * The user has proved again who they are: new `authTime`, both clocks start anew (NIST SP 800-63B
   * section 5.2), older access tokens answer "refresh".
   * @throws SessionEndedError
   */
  reauthenticate(sessionId: string): Promise<void>
}

/** Options of work on many rows, which runs in batches. */
export interface ProgressOptions {
  /** Called after each batch with the number of rows done so far. */
  readonly onProgress?: (done: number) => void
}

export interface RevokeAll extends ProgressOptions {
  /** Only sessions last seen before this time. @defaultValue all */
  readonly lastSeenBefore?: Date
}

/** Session management, the whole of it. Made by {@link createSessions}. */
export interface Sessions<Claims extends object = ClaimsObject, Data = unknown>
  extends SessionOperations<Claims, Data>,
    AsyncDisposable {
  /**
   * Verifies an access token: synchronous, no I/O.
   * @throws AccessTokenInvalidError, AccessTokenExpiredError, SessionEndedError
   * @throws StoreUnavailableError when the feed is stale and `onStale` is `refuse`
   */
  verify(accessToken: string, context?: RequestContext): VerifiedSession<Claims>
  /** {@link verify} and one read of the row, for what must not rely on the feed. @throws also StoreUnavailableError */
  check(accessToken: string, context?: RequestContext): Promise<VerifiedSession<Claims>>
  /**
   * Exchanges a refresh token.
   * @throws RefreshTokenInvalidError, RefreshTokenReusedError, SessionEndedError: sign in again
   * @throws TryAgainError, StoreUnavailableError, SecretUnknownError: later; the session is untouched
   */
  refresh(refreshToken: string, context?: RefreshContext): Promise<RefreshedSession<Claims, Data>>
  /** The same writes inside the caller's own transaction; others see them when it commits. */
  using(client: unknown): SessionOperations<Claims, Data>
  readonly keys: {
    list(): KeyInfo[]
    /** Publishes the next signing key now; it signs once every process has had time to load it. */
    rotate(): Promise<KeyInfo>
    /** The public keys, for other services (RFC 7517); empty with HS256. */
    jwks(): JsonWebKeySet
  }
  /**
   * Revokes every session, or with `lastSeenBefore` only those last seen before then. After a restore
   * from a backup, those are the sessions that no client has used since. @returns how many this call ended
   */
  revokeAll(options?: RevokeAll): Promise<number>
  /**
   * Calls back once when this process learns that a session has ended, at once when it knows already: to
   * close its WebSockets and event streams. @returns a function that removes the listener
   */
  onEnded(sessionId: string, listener: (reason: EndReason) => void): () => void
  /** Deletes rows that are kept for nothing any more; also done in the background. @returns how many */
  prune(options?: ProgressOptions): Promise<number>
  /** Numbers of this process for a health check or a metric. */
  stats(): SessionsStats
  /** Waits until all confirmations so far are in the database. */
  flush(): Promise<void>
  /** @returns a function that removes the listener */
  on<Name extends EventName>(name: Name, listener: (event: SessionEvents[Name]) => void): () => void
  /** Flushes and stops everything; nothing keeps the process alive afterwards. Safe to call twice. */
  close(): Promise<void>
  /** @internal */
  readonly [internals]: Internals
}
