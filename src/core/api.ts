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

/** The login that {@link SessionOperations.create} starts a session for. */
export type CreateSession<Claims extends object, Data> = LoginFields & ClaimsField<Claims> & DataField<Data>

/** The fields of a login whose types are the same in every application. */
export interface LoginFields extends RequestContext {
  /** The id of the user who signs in, 1 to 255 characters. */
  readonly userId: string
  /**
   * The ids of the sessions that this login replaces. Pawl ends them with the reason `replaced` (session fixation, ASVS
   * 7.2.4).
   */
  readonly replaces?: string | readonly string[] | undefined
  /** @internal Those of {@link replaces} that end with the reason `device`. */
  readonly unproven?: readonly string[] | undefined
  /** "Remember me": whether the cookies outlive the browser. @defaultValue true */
  readonly persistent?: boolean
  /** The idle timeout in seconds, rounded up. @defaultValue the option `idleTimeout` of {@link createSessions} */
  readonly idleTimeout?: number
  /**
   * The absolute timeout in seconds; `null` sets no limit.
   * @defaultValue the option `absoluteTimeout` of {@link createSessions}
   */
  readonly absoluteTimeout?: number | null
}

/** A session and the tokens that Pawl has just issued for it. */
export interface CreatedSession<Claims extends object, Data> {
  /** The record of the session. */
  readonly session: Session<Claims, Data>
  /** The access token for the client. */
  readonly accessToken: IssuedToken
  /** The refresh token for the client. */
  readonly refreshToken: IssuedToken
}

/** The answer to a refresh. */
export interface RefreshedSession<Claims extends object, Data> {
  /** The record of the session. */
  readonly session: Session<Claims, Data>
  /** The new access token for the client. */
  readonly accessToken: IssuedToken
  /** The new refresh token for the client; `null` if the client keeps the one that it presented. */
  readonly refreshToken: IssuedToken | null
  /** The challenge that the device signs in its next proof; `null` if the session is not bound. */
  readonly challenge: string | null
}

/** The changes that {@link SessionOperations.renew} makes, and the request that it answers. */
export type RenewSession<Claims extends object> = RequestContext & {
  /** Whether the user has just authenticated again. `true` sets `authTime` and restarts both timeouts. @defaultValue false */
  readonly reauthenticated?: boolean
  /** The new claims. @defaultValue the present claims */
  readonly claims?: JsonOf<Claims>
}

export type { VerifiedSession } from '../portable/verified-session.ts'

/** The filter and the page of {@link SessionOperations.list}. */
export interface ListSessions {
  /** Whether to leave out the sessions that have ended or expired. @defaultValue false */
  readonly active?: boolean
  /** The length of the page, 1 to 1,000. @defaultValue 100 */
  readonly limit?: number
  /**
   * The last session of the page before; the list continues after it. A session that is seen between two pages moves to
   * the front. No page repeats it, and a later page may miss it.
   * @defaultValue none: the first page
   */
  readonly after?: Pick<Session, 'sessionId' | 'lastSeenAt'> | undefined
}

/**
 * The operations that can also run inside a transaction of the application, by {@link Sessions.using}. Each of them throws
 * `StoreUnavailableError` if the store cannot be reached. Those that write throw it also if the store is read-only.
 */
export interface SessionOperations<Claims extends object, Data> {
  /**
   * Starts a session: a login. In a route, use `create` of the request's session, which also sets the cookies.
   * @throws TypeError for an unknown field, and for claims or data that are not JSON or that their schema refuses
   * @throws TypeError for claims with a reserved name, and for claims that do not fit a cookie
   * @throws InvalidOptionsError if a timeout is out of range
   * @throws SessionLimitError if the user has too many sessions and `limits.onSessionLimit` is `reject`
   * @throws SessionEndedError if `refreshClaims` returns null
   * @throws TryAgainError if a schema or a key service takes too long
   */
  create(session: CreateSession<Claims, Data>): Promise<CreatedSession<Claims, Data>>
  /**
   * Makes a code that signs the user of a session in once more: in a web view, or at another domain. The code works once,
   * at one origin, for 60 seconds. Pawl writes nothing. In a route, use `handoff` of the request's session.
   * @throws TypeError for an unknown option, and for an `origin` that is not a web origin
   * @throws SessionEndedError if the session has ended or expired
   * @throws ActingRefusedError for an acting session
   * @throws DeviceProofRequiredError for a session that is bound to a device, without `proven`
   * @throws HandoffRefusedError for a `challenge` that is not of the form `S256`
   * @throws HandoffRefusedError for a session that already ends with four others, unless `endsWithParent` is false
   * @throws RecentAuthRequiredError with `endsWithParent: false`, if the user has not authenticated within five minutes
   * @throws TryAgainError while a reauthentication is pending: about two minutes with the default `rotation.overlap`
   */
  handoff(sessionId: string, options: HandoffOptions): Promise<Handoff>
  /**
   * Creates the session of a handoff code, with claims, data, `authTime` and both timeouts of the session that made the code.
   * In a route, use `redeem` of the request's session. It knows the origin, and refuses requests of other sites.
   * @throws TypeError without an `origin`, and for an unknown option
   * @throws HandoffRefusedError if the code signs nobody in; Pawl has changed nothing
   * @throws SecretUnknownError for a code of another secret or a later release
   * @throws SessionLimitError as {@link create}, for a code that was made with `endsWithParent: false`
   * @throws SessionOutdatedError if a schema refuses the stored claims or data
   * @throws SessionEndedError if `refreshClaims` returns null
   */
  redeem(code: string, request: RedeemHandoff): Promise<CreatedSession<Claims, Data>>
  /**
   * Ends a session, in every process.
   * @param reason the reason that the row keeps, `revoked` by default
   * @returns whether this call ended the session
   * @throws TypeError for the reason `other`, and for any text that is not an {@link EndReason}
   */
  revoke(sessionId: string, reason?: EndReason): Promise<boolean>
  /**
   * Ends all sessions of a user, or all but the session `except`. It ends every session whose login came before the call, in
   * batches of 500. A login that arrives during the call may stay. The session `except` no longer ends with its parent
   * (`handoff`). If the call fails halfway, call it again.
   * @returns how many sessions this call ended
   * @throws TypeError if `except` is not a session id, and for an unknown option
   */
  revokeUser(userId: string, options?: { readonly except?: string }): Promise<number>
  /**
   * Ends all sessions of a user and erases the personal values of their rows: user id, address, user agent, claims, data.
   * It also erases the user id, address and user agent from the acting sessions that the user started, and the user from the
   * audit. Pawl deletes the rows of the user within about a day.
   * @returns how many rows of sessions it changed
   */
  deleteUser(userId: string): Promise<number>
  /**
   * Makes the clients of one session, or of all sessions of a user, refresh now. Every process refuses their older access
   * tokens with `AccessTokenExpiredError`. Nobody is signed out.
   * @returns how many sessions; 0 if the session has ended
   */
  expireAccessTokens(sessions: string | { readonly userId: string }): Promise<number>
  /** Reads the record of a session, also of an ended one. @returns null if it does not exist or Pawl has deleted its row */
  get(sessionId: string): Promise<Session<Claims, Data> | null>
  /**
   * Lists the sessions of a user whose rows are kept, also ended ones, the most recently seen first. A page has 100 sessions
   * unless you give a `limit`. A page that is shorter than its limit is the last one.
   *
   * @example
   * const devices = await sessions.list(userId, { active: true })
   * const more = await sessions.list(userId, { active: true, after: devices.at(-1) })
   *
   * @throws TypeError for an unknown option or a wrong value
   */
  list(userId: string, page?: ListSessions): Promise<Session<Claims, Data>[]>
  /**
   * Replaces the `data` of a session.
   * @returns the new data version; null if the row has another version than `ifVersion`
   * @throws TypeError for data that is not JSON, is larger than 1 MiB, or that the schema `data` refuses
   * @throws SessionEndedError if the session has ended or expired
   */
  setData(
    sessionId: string,
    data: JsonOf<Data>,
    options?: { readonly ifVersion?: number },
  ): Promise<number | null>
  /**
   * Replaces the given top-level keys of `data`; `null` removes a key (RFC 7396). A patch that changes nothing leaves the
   * version as it is.
   * @returns the data version after the call; null if the row has another version than `ifVersion`
   * @throws TypeError for a key that is `undefined`, and as {@link setData}
   * @throws SessionEndedError if the session has ended or expired
   * @throws TryAgainError if other writers change the data each time Pawl tries
   */
  patchData(
    sessionId: string,
    patch: DataPatch<Data>,
    options?: { readonly ifVersion?: number },
  ): Promise<number | null>
  /**
   * Replaces the claims of one session, or of all sessions of a user. Every process refuses their older access tokens with
   * `AccessTokenExpiredError`. Every holder of a refresh token of the session gets the new claims, also a thief. To raise
   * rights, use {@link renew}. A login that runs at the same time may store older claims; the option `refreshClaims`
   * prevents that.
   * @returns the session's new version; for a user the number of sessions
   * @throws SessionEndedError if the one session has ended or expired
   * @throws TypeError for claims that are not a JSON object or that the schema `claims` refuses
   * @throws TypeError for claims with a reserved name, and for claims that do not fit a cookie
   */
  setClaims(sessions: string | { readonly userId: string }, claims: JsonOf<Claims>): Promise<number>
  /**
   * Records that the user has authenticated again: a new `authTime`. Both timeouts start anew (NIST SP 800-63B
   * section 5.2). Every process refuses the older access tokens of the session with `AccessTokenExpiredError`. Every holder
   * of a refresh token gets the new `authTime`, also a thief. To end copies (ASVS 7.2.4), use {@link renew}, or
   * `reauthenticate()` of the request's session.
   * @throws SessionEndedError if the session has ended or expired
   * @throws ActingRefusedError for an acting session
   */
  reauthenticate(sessionId: string): Promise<void>
  /**
   * Issues new tokens for the client whose request you answer, with new claims or a new `authTime`. The first refresh with
   * the new refresh token later than twice `rotation.overlap` plus 5 seconds ends all older tokens of the session, and so all
   * copies (ASVS 7.2.4). Until then the older tokens stay valid with their claims and `authTime`, so a lost response signs
   * nobody out. Responses to older tokens may still be under way for that time. The new access token expires one second
   * later, so that the client refreshes.
   * @throws SessionEndedError if the session has ended or expired
   * @throws ActingRefusedError for an acting session
   * @throws SessionOutdatedError if the schema `claims` refuses the stored claims
   * @throws TypeError for claims with a reserved name, and for claims that do not fit a cookie
   * @throws TryAgainError if four renewals of the session are pending
   */
  renew(sessionId: string, renewal?: RenewSession<Claims>): Promise<CreatedSession<Claims, Data>>
}

/** Options of work on many rows, which runs in batches. */
export interface ProgressOptions {
  /** Called after each batch with the number of rows done so far. If it throws, Pawl emits a process warning. */
  readonly onProgress?: (done: number) => void
}

/** The options of {@link Sessions.revokeAll}. */
export interface RevokeAll extends ProgressOptions {
  /** Revokes only sessions that were last seen before this time. @defaultValue none: every session */
  readonly lastSeenBefore?: Date
}

/** The sessions of an application. {@link createSessions} makes it. */
export interface Sessions<Claims extends object = ClaimsObject, Data = unknown>
  extends SessionOperations<Claims, Data>,
    AsyncDisposable {
  /**
   * Verifies an access token, synchronously and without I/O.
   * @param context the request; `accessToken.onContextChange` compares it with the one that the token was issued to
   * @throws AccessTokenInvalidError if the token is not genuine, or its key is retired
   * @throws AccessTokenExpiredError if the client must refresh
   * @throws SessionEndedError if the process knows that the session has ended
   * @throws StoreUnavailableError if the feed is stale and `revocation.onStale` is `refuse`
   */
  verify(accessToken: string, context?: RequestContext): VerifiedSession<Claims>
  /**
   * Verifies an access token as {@link verify} does, then reads the row of the session. If the session is acting, or ends
   * with another one, it reads those rows too. Use it for actions that must not rely on the feed.
   * @throws AccessTokenInvalidError, AccessTokenExpiredError and SessionEndedError as {@link verify}
   * @throws StoreUnavailableError if the store cannot be reached
   * @throws SecretUnknownError if the token is genuine, but the table of sessions has never held a row
   */
  check(accessToken: string, context?: RequestContext): Promise<VerifiedSession<Claims>>
  /**
   * Exchanges a refresh token for a new access token and, in most cases, a new refresh token. If it throws `TryAgainError`,
   * `StoreUnavailableError` or `SecretUnknownError`, the client must retry.
   * @throws RefreshTokenInvalidError if the text is not a refresh token of this installation
   * @throws RefreshTokenReusedError if the token is superseded; Pawl has ended the session (RFC 9700 section 4.14.2)
   * @throws SessionEndedError if the session has ended or expired
   * @throws SessionOutdatedError if a schema refuses the stored claims or data; the session is unchanged
   * @throws DeviceProofRequiredError if the session is bound, and `proof` is missing or out of date. The session is
   * unchanged. The client signs the `challenge` of the error and tries again
   * @throws TryAgainError if Pawl cannot decide in time, or a limit applies; the session is unchanged
   * @throws StoreUnavailableError if the store cannot be reached, or is read-only
   * @throws SecretUnknownError if the token was made with a secret that this process does not have
   */
  refresh(refreshToken: string, context?: RefreshContext): Promise<RefreshedSession<Claims, Data>>
  /**
   * Returns the same operations inside a transaction of the application. Other processes see them when it commits. The
   * operations emit no `created` and no `ended`, because the transaction may roll back.
   * @param client the client of the transaction: of `pg`, the `sql` of `sql.begin` (postgres.js), or the `tx` of PGlite
   * @throws TypeError for anything else
   */
  using(client: unknown): SessionOperations<Claims, Data>
  /** The signing keys. */
  readonly keys: {
    /** Lists the keys, the oldest first, also retired ones that are kept. Empty if `keys.provided` is an array. */
    list(): KeyInfo[]
    /**
     * Publishes the next signing key now. It signs ten minutes later, or after half of `keys.rotationInterval` if that is
     * shorter: every process must have loaded it. If `keys.provided` is a function, Pawl calls it instead.
     * @returns the new key; with a function the key that signs now
     * @throws TypeError if `keys.provided` is an array
     * @throws InvalidOptionsError if the function of `keys.provided` fails
     * @throws StoreUnavailableError if the store cannot be reached, or is read-only
     */
    rotate(): Promise<KeyInfo>
    /** Returns the public keys for other services (RFC 7517). Empty with HS256. */
    jwks(): JsonWebKeySet
  }
  /**
   * Revokes every session, or with `lastSeenBefore` only the sessions last seen before that time. After a restore from a
   * backup, those are the sessions that no client has used since the restore. Sessions that start during the call stay.
   * @returns how many sessions this call ended
   * @throws TypeError for a `lastSeenBefore` that is not a Date, and for an unknown option
   */
  revokeAll(options?: RevokeAll): Promise<number>
  /**
   * Calls the listener once, when this process learns that the session has ended; at once if it knows already. Use it to
   * close the WebSockets and event streams of the session. The reason is `other` if another program or a later release
   * ended the session for a reason of its own.
   * @returns a function that removes the listener
   */
  onEnded(sessionId: string, listener: (reason: EndReason) => void): () => void
  /**
   * Deletes rows past their retention, and signing keys that retired more than 400 days ago. Pawl also does this in the
   * background (`privacy.pruneInterval`).
   * @returns how many sessions it deleted
   */
  prune(options?: ProgressOptions): Promise<number>
  /** Returns figures of this process, for health checks and metrics, without I/O. */
  stats(): SessionsStats
  /** Waits until all pending confirmations are written or dropped. It never rejects. */
  flush(): Promise<void>
  /**
   * Adds a listener of an event. It runs synchronously. If it throws or rejects, Pawl emits a process warning.
   * @returns a function that removes the listener
   */
  on<Name extends EventName>(name: Name, listener: (event: SessionEvents[Name]) => void): () => void
  /**
   * Writes pending confirmations and stops all background work, so that the process can exit. It waits for that work 5
   * seconds at most. You may call it twice. A pool that you have made stays open.
   */
  close(): Promise<void>
  /** @internal */
  readonly [ENGINE]: Engine
  /** @internal */
  readonly [COPY]: CopyMark
}
