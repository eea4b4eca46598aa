import type { ClaimsObject } from '../portable/claims.ts'
import type { ClaimsField, DataField, DataPatch, JsonOf } from '../portable/json-types.ts'
import type { VerifiedSession } from '../portable/verified-session.ts'
import type { ENGINE, Engine } from './engine.ts'
import type { JsonWebKeySet, KeyInfo } from './keys/key-ring.ts'
import type { EventName, SessionEvents } from './observability/session-events.ts'
import type { SessionsStats } from './observability/telemetry.ts'
import type { Handoff, HandoffOptions, RedeemHandoff } from './operations/handoff.ts'
import type { RefreshContext, RequestContext } from './request-context.ts'
import type { Session } from './session/session.ts'
import type { COPY, CopyMark } from './start/copies.ts'
import type { EndReason } from './store.ts'
import type { IssuedToken } from './tokens/issue.ts'

/** What {@link SessionOperations.create} takes. */
export type CreateSession<Claims extends object, Data> = LoginFields & ClaimsField<Claims> & DataField<Data>

/** The fields of a login whose types are the same in every application. */
export interface LoginFields extends RequestContext {
  /** Whose session it is, 1 to 255 characters. */
  readonly userId: string
  /** Sessions that this login replaces. They end with the reason `replaced` (session fixation, ASVS 7.2.4). */
  readonly replaces?: string | readonly string[] | undefined
  /** @internal Those of {@link replaces} that end with the reason `device`. */
  readonly unproven?: readonly string[] | undefined
  /** "Remember me": whether cookies outlive the browser. @defaultValue true */
  readonly persistent?: boolean
  /** Seconds, rounded up. @defaultValue the option `idleTimeout` of {@link createSessions} */
  readonly idleTimeout?: number
  /** Seconds; `null` sets no limit. @defaultValue the option `absoluteTimeout` of {@link createSessions} */
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
  /** `null`: keep the token that you presented. */
  readonly refreshToken: IssuedToken | null
  /** What the next proof of the device signs; `null` if the session is not bound. */
  readonly challenge: string | null
}

/** What {@link SessionOperations.renew} changes, and the request that it answers. */
export type RenewSession<Claims extends object> = RequestContext & {
  /** Whether the user has just authenticated again. It sets `authTime` and restarts both timeouts. @defaultValue false */
  readonly reauthenticated?: boolean
  /** New claims. @defaultValue the present ones */
  readonly claims?: JsonOf<Claims>
}

export type { VerifiedSession } from '../portable/verified-session.ts'

/** Which sessions {@link SessionOperations.list} returns. */
export interface ListSessions {
  /** Only those that have neither ended nor expired. @defaultValue false */
  readonly active?: boolean
  /** 1 to 1,000. @defaultValue 100 */
  readonly limit?: number
  /**
   * Continues after this session, the last one of the page before. A session that is seen between two pages moves to the
   * front, so no page repeats it and a later page may miss it.
   */
  readonly after?: Pick<Session, 'sessionId' | 'lastSeenAt'> | undefined
}

/** The operations that can also run inside a transaction of the application, by {@link Sessions.using}. */
export interface SessionOperations<Claims extends object, Data> {
  /**
   * Starts a session: a login.
   * @throws TypeError for claims with a reserved name, or claims that do not fit a cookie
   * @throws SessionLimitError if the user has too many sessions and `limits.onSessionLimit` is `reject`
   * @throws SessionEndedError if `refreshClaims` returns null
   */
  create(session: CreateSession<Claims, Data>): Promise<CreatedSession<Claims, Data>>
  /**
   * Makes a code that signs the user of a session in once more: in a web view, or at another domain. It is good for 60 seconds,
   * for one use and at one origin. Nothing is written. In a route, use `handoff` of the request's session.
   * @throws TypeError for an unknown option, and for an `origin` that is none
   * @throws SessionEndedError
   * @throws ActingRefusedError for an acting session
   * @throws DeviceProofRequiredError for a session that is bound to a device, without `proven`
   * @throws HandoffRefusedError for a `challenge` that is none, and for a session that already ends with four others
   * @throws RecentAuthRequiredError with `endsWithParent: false`, if the user has not authenticated within five minutes
   * @throws TryAgainError for two minutes after a reauthentication of the request's session, or until it is confirmed
   */
  handoff(sessionId: string, options: HandoffOptions): Promise<Handoff>
  /**
   * Creates the session of a code, with claims, data, `authTime` and both timeouts of the session that made it. In a route, use
   * `redeem` of the request's session, which knows the origin and checks that no other site has sent the request.
   * @throws HandoffRefusedError; nothing has changed
   * @throws SecretUnknownError for a code of another secret or release
   * @throws SessionLimitError, SessionOutdatedError, and SessionEndedError if `refreshClaims` returns null
   */
  redeem(code: string, request: RedeemHandoff): Promise<CreatedSession<Claims, Data>>
  /** Ends a session, in every process. @returns whether this call ended it @throws TypeError for the reason `other` */
  revoke(sessionId: string, reason?: EndReason): Promise<boolean>
  /**
   * Ends all sessions of a user except one: every session whose login came before the call, in batches of 500. A session
   * of a login that arrives meanwhile may stay. The session `except` no longer ends with another one. If the call fails halfway, call it again.
   * @returns how many this call ended
   */
  revokeUser(userId: string, options?: { readonly except?: string }): Promise<number>
  /**
   * Ends all sessions of a user and removes personal values from their rows: user id, address, user agent, claims,
   * data. The rows themselves are pruned within about a day. Acting sessions that the user started lose the user's id as well.
   * @returns how many rows it changed
   */
  deleteUser(userId: string): Promise<number>
  /**
   * Makes one session, or all sessions of a user, refresh now: every process refuses their older access tokens and
   * answers "refresh". Logs nobody out.
   * @returns how many sessions
   */
  expireAccessTokens(sessions: string | { readonly userId: string }): Promise<number>
  /** @returns null if there is no such session, or its row was pruned */
  get(sessionId: string): Promise<Session<Claims, Data> | null>
  /**
   * The sessions of a user whose row is kept, also ended ones, the most recently seen first: 100 of them, unless you give a
   * `limit`. A page shorter than its limit is the last one.
   *
   * @example
   * const devices = await sessions.list(userId, { active: true })
   * const more = await sessions.list(userId, { active: true, after: devices.at(-1) })
   *
   * @throws TypeError for an unknown option or a wrong value
   */
  list(userId: string, page?: ListSessions): Promise<Session<Claims, Data>[]>
  /**
   * Replaces `data`.
   * @returns the new data version; null if the row has another version than `ifVersion`
   * @throws SessionEndedError
   */
  setData(
    sessionId: string,
    data: JsonOf<Data>,
    options?: { readonly ifVersion?: number },
  ): Promise<number | null>
  /**
   * Replaces the given top-level keys of `data`; `null` removes a key (RFC 7396). A patch that changes nothing leaves the
   * version as it is.
   * @returns the data version then; null if the row has another version than `ifVersion`
   * @throws TypeError for a key that is `undefined`, and as {@link setData}
   */
  patchData(
    sessionId: string,
    patch: DataPatch<Data>,
    options?: { readonly ifVersion?: number },
  ): Promise<number | null>
  /**
   * Replaces the claims of one session, or of all sessions of a user. Every process refuses older access tokens and
   * answers "refresh". Everybody who holds a refresh token of the session gets the new claims, also a thief. To raise
   * rights, use {@link renew}. A login that runs at the same time may store claims that it has read before: the option
   * `refreshClaims` covers that.
   * @returns the session's new version; for a user the number of sessions
   * @throws SessionEndedError unless it is given a user
   * @throws TypeError for claims with a reserved name, or claims that do not fit a cookie
   */
  setClaims(sessions: string | { readonly userId: string }, claims: JsonOf<Claims>): Promise<number>
  /**
   * Records that the user has authenticated again: a new `authTime`. Both timeouts start anew (NIST SP 800-63B
   * section 5.2), and older access tokens answer "refresh". It cannot tell the user from a thief: everybody who holds a
   * refresh token of the session gets the new `authTime`. To end copies (ASVS 7.2.4), use {@link renew}, or
   * `reauthenticate()` of the request's session.
   * @throws SessionEndedError
   */
  reauthenticate(sessionId: string): Promise<void>
  /**
   * Issues new tokens for the client whose request you answer, with new claims or a new `authTime`. Once the client has
   * refreshed with the new refresh token, all older tokens of the session are refused: copies of them end
   * (ASVS 7.2.4). Until then the older ones stay valid with their claims and `authTime`, so a lost response logs nobody
   * out. The older tokens end at the earliest after twice `rotation.overlap` and 5 seconds, because answers to
   * them may still be under way. The first access token expires then, so that the client refreshes.
   * @throws SessionEndedError
   * @throws TypeError for claims with a reserved name, or claims that do not fit a cookie
   */
  renew(sessionId: string, renewal?: RenewSession<Claims>): Promise<CreatedSession<Claims, Data>>
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

/** Session management. {@link createSessions} makes it. */
export interface Sessions<Claims extends object = ClaimsObject, Data = unknown>
  extends SessionOperations<Claims, Data>,
    AsyncDisposable {
  /**
   * Verifies an access token. Synchronous, without I/O.
   * @throws AccessTokenInvalidError, AccessTokenExpiredError, SessionEndedError
   * @throws StoreUnavailableError if the feed is stale and `revocation.onStale` is `refuse`
   */
  verify(accessToken: string, context?: RequestContext): VerifiedSession<Claims>
  /**
   * {@link verify}, then one read of the row. For actions that must not rely on the feed.
   * @throws as {@link verify}, and StoreUnavailableError
   */
  check(accessToken: string, context?: RequestContext): Promise<VerifiedSession<Claims>>
  /**
   * Exchanges a refresh token for a new access token and, in most cases, a new refresh token.
   * @throws RefreshTokenInvalidError, RefreshTokenReusedError, SessionEndedError: the user must sign in again
   * @throws SessionOutdatedError: the same, but the session is unchanged
   * @throws DeviceProofRequiredError: the session is bound, and `proof` is missing or out of date. The client signs the
   * `challenge` of the error and tries once more; the session is unchanged
   * @throws TryAgainError, StoreUnavailableError, SecretUnknownError: the client must retry; the session is unchanged
   */
  refresh(refreshToken: string, context?: RefreshContext): Promise<RefreshedSession<Claims, Data>>
  /** The same operations inside a transaction of the application. Other processes see them when it commits. */
  using(client: unknown): SessionOperations<Claims, Data>
  readonly keys: {
    list(): KeyInfo[]
    /**
     * Publishes the next signing key now. It signs as soon as every process has had time to load it. If `keys.provided`
     * is a function, Pawl calls it instead and returns the key that signs now.
     * @throws TypeError if `keys.provided` is an array; InvalidOptionsError if its function fails
     */
    rotate(): Promise<KeyInfo>
    /** The public keys for other services (RFC 7517). Empty with HS256. */
    jwks(): JsonWebKeySet
  }
  /**
   * Revokes every session, or with `lastSeenBefore` only those last seen before then. After a restore
   * from a backup, those are the sessions that no client has used since. @returns how many this call ended
   */
  revokeAll(options?: RevokeAll): Promise<number>
  /**
   * Calls back once when this process learns that a session has ended, at once when it knows already: to
   * close its WebSockets and event streams. The reason is `other` if another program ended the session for a reason of its
   * own. @returns a function that removes the listener
   */
  onEnded(sessionId: string, listener: (reason: EndReason) => void): () => void
  /** Deletes rows past their retention. Pawl also does this in the background. @returns how many */
  prune(options?: ProgressOptions): Promise<number>
  /** Figures of this process, for health checks and metrics. */
  stats(): SessionsStats
  /** Waits until all pending confirmations are in the database. */
  flush(): Promise<void>
  /** Listens to an event. @returns a function that removes the listener */
  on<Name extends EventName>(name: Name, listener: (event: SessionEvents[Name]) => void): () => void
  /** Flushes and stops all background work, so that the process can exit. Safe to call twice. */
  close(): Promise<void>
  /** @internal */
  readonly [ENGINE]: Engine
  /** @internal */
  readonly [COPY]: CopyMark
}
