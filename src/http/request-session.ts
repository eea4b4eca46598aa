import type { CreatedSession, LoginFields, Sessions, VerifiedSession } from '../core/api.ts'
import type { ActAs } from '../core/operations/acting.ts'
import {
  createHandoff,
  HANDOFF_FIELDS,
  type Handoff,
  type HandoffOptions,
} from '../core/operations/handoff.ts'
import type { Refreshed } from '../core/refresh/refresh.ts'
import { type Session, toSession } from '../core/session/session.ts'
import { issuedSession } from '../core/tokens/issue.ts'
import type { Actor } from '../portable/actor.ts'
import type { ClaimsObject } from '../portable/claims.ts'
import {
  AccessTokenExpiredError,
  ActingRefusedError,
  type AnySessionsError,
  isSessionsError,
  NotSignedInError,
  RecentAuthRequiredError,
  SecretUnknownError,
} from '../portable/errors.ts'
import type { ClaimsField, DataField, DataPatch, JsonOf } from '../portable/json-types.ts'
import { methodOptions } from '../portable/options/method-options.ts'
import type { Transport } from '../wire/credentials.ts'
import type { BearerAnswer, CookieAnswer } from '../wire/names.ts'
import { startActingIn, stopActingIn } from './acting.ts'
import { assertCsrfTokenOf, createCsrfToken } from './csrf-token.ts'
import { endSessions } from './end-sessions.ts'
import type { Header } from './exchange.ts'
import { issueForwardableToken } from './forwardable-token.ts'
import { assertMayRedeem, isProven, originsOf } from './handoff.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { isVisitorsPage } from './page-load.ts'
import { warnOfDroppedCookies } from './plain-http.ts'
import { refuseOwnProperties } from './refuse-properties.ts'
import { RequestState } from './request-state.ts'
import type { ResponseCookies } from './response-cookies.ts'
import { bearerAnswer, cookieAnswer } from './session-answer.ts'
import { warnOfUnservedRefresh } from './unserved-refresh.ts'

/** The login that {@link RequestSession.create} starts a session for. */
export type CreateInRequest<Claims extends object, Data> = Omit<
  LoginFields,
  'replaces' | 'unproven' | 'ip' | 'userAgent'
> &
  ClaimsField<Claims> &
  DataField<Data>

/**
 * The type of a request's session: `SessionOf<typeof sessions>`. `sessions` may also be a promise of sessions, or a function
 * that makes them.
 */
export type SessionOf<Source> =
  Source extends Sessions<infer Claims, infer Data>
    ? RequestSession<Claims, Data>
    : Source extends () => infer Made
      ? SessionOf<Made>
      : Source extends PromiseLike<infer Made>
        ? SessionOf<Made>
        : never

/** The part of a login that the request tells. */
type LoginContext = Pick<LoginFields, 'replaces' | 'unproven' | 'ip' | 'userAgent'>

/** The address and the user agent are those of the request. */
const CREATE_FIELDS = ['userId', 'claims', 'data', 'persistent', 'idleTimeout', 'absoluteTimeout'] as const

/**
 * The session of one request; visitors have one too. Without a session, `userId`, `claims` and the other properties throw the
 * {@link error}. So a route that forgot `requireSession` answers 401. Methods that read or write the database throw
 * `StoreUnavailableError` if it cannot be reached.
 */
export class RequestSession<Claims extends object = ClaimsObject, Data = unknown> {
  /**
   * How the request carries its tokens: in cookies, or in the header `Authorization` (bearer mode). In bearer mode Pawl
   * neither reads nor sets cookies.
   */
  readonly transport: Transport
  readonly #state: RequestState<Claims, Data>

  constructor(request: IncomingRequest<Claims, Data>) {
    this.#state = new RequestState(request)
    this.transport = request.transport
  }

  /**
   * The verified session, or null for a visitor. Use it for pages that serve visitors too.
   * @throws TryAgainError or StoreUnavailableError if Pawl cannot tell now whether there is a session
   * @throws SecretUnknownError for a token of an unknown secret. A page load gets null instead, and keeps its cookies
   */
  get current(): VerifiedSession<Claims> | null {
    const state = this.#state.resolve()
    if ('verified' in state) return state.verified
    if ('retryAfter' in state.error && !isVisitorsPage(this.request.exchange, state.error)) throw state.error
    return null
  }

  /** The error that {@link require} throws; null if there is a session. */
  get error(): AnySessionsError | null {
    const state = this.#state.resolve()
    return 'error' in state ? state.error : null
  }

  /** The id of the session, a UUID. */
  get sessionId(): string {
    return this.require().sessionId
  }
  /** The id of the user. */
  get userId(): string {
    return this.require().userId
  }
  /** The claims of the access token. */
  get claims(): Claims {
    return this.require().claims
  }
  /** When the user last authenticated; in an acting session when the administrator did. */
  get authTime(): Date {
    return this.require().authTime
  }
  /** When the access token was issued. */
  get issuedAt(): Date {
    return this.require().issuedAt
  }
  /** When the access token expires. */
  get expiresAt(): Date {
    return this.require().expiresAt
  }
  /** How often the refresh token had rotated when the access token was issued. */
  get generation(): number {
    return this.require().generation
  }
  /** The administrator who acts as this user; `null` in the user's own session. */
  get actor(): Actor | null {
    return this.require().actor
  }
  /** The id of the parent session, which handed off to this one and with which it ends; `null` without a parent. */
  get parentId(): string | null {
    return this.require().parentId
  }
  /** The thumbprint (RFC 7638) of the key that the session is bound to (`deviceBinding`); `null` if it is not bound. */
  get device(): string | null {
    return this.require().device
  }

  /** Whether the schema `claims` refuses the claims, which may then not match their type. */
  get stale(): boolean {
    return this.require().stale
  }

  /** Returns the verified session. @throws SessionsError the {@link error}, if there is no session */
  require(): VerifiedSession<Claims> {
    return this.#state.verified().verified
  }

  /**
   * Requires a recent authentication, for sensitive actions (ASVS 7.5.1).
   * @param maxAge the highest accepted age of the authentication, in seconds
   * @throws RecentAuthRequiredError if the user authenticated earlier
   * @throws TypeError if `maxAge` is not a number of at least 0
   * @throws SessionsError as {@link require}
   */
  requireRecentAuth(maxAge: number): VerifiedSession<Claims> {
    if (!(maxAge >= 0)) throw new TypeError('`requireRecentAuth` takes seconds')
    const verified = this.require()
    if (this.#state.now() - verified.authTime.getTime() > maxAge * 1000)
      throw new RecentAuthRequiredError(maxAge)
    return verified
  }

  /**
   * Requires the user's own session, for actions that no administrator may do for the user, such as a change of password.
   * @throws ActingRefusedError if an administrator acts as the user
   * @throws SessionsError as {@link require}
   */
  requireOwn(): VerifiedSession<Claims> {
    const verified = this.require()
    if (verified.actor !== null) throw new ActingRefusedError()
    return verified
  }

  /**
   * Returns the verified session after a read of its row, for actions that must not rely on the feed. It reads nothing if
   * this request has just refreshed the session.
   * @throws SessionsError as {@link require}, and as `sessions.check`
   */
  async check(): Promise<VerifiedSession<Claims>> {
    const verified = this.require()
    const { sessions, ip, userAgent } = this.request
    // A session refreshed inside this request was read from its row a moment ago.
    return this.#state.refreshed !== null || this.#state.accessToken === null
      ? verified
      : sessions.check(this.#state.accessToken, { ip, userAgent })
  }

  /**
   * Signs a user in, and sets the cookies in cookie mode. Pawl ends every session that this request names, with the reason
   * `replaced` (session fixation, ASVS 7.2.4). The reason is `device` if the session is bound and expired, and the request
   * carries no proof of its device.
   * @returns the body to answer with; in cookie mode it holds no token
   * @throws TypeError in cookie mode if the response has begun
   * @throws TypeError, InvalidOptionsError, SessionLimitError, SessionEndedError and TryAgainError as `sessions.create`
   */
  async create(input: CreateInRequest<Claims, Data>): Promise<CookieAnswer | BearerAnswer> {
    const fields = methodOptions('create', input, ...CREATE_FIELDS)
    return this.#signIn((named) => this.request.sessions.create({ ...fields, ...named }))
  }

  /**
   * Makes a code that signs the user in once more: in a web view, or at another domain. The code works once, at one origin,
   * for 60 seconds.
   * @throws SessionsError as {@link require}
   * @throws TypeError for an unknown option, and for an `origin` that is not a web origin
   * @throws ActingRefusedError while acting as another user
   * @throws DeviceProofRequiredError for a bound session, without `proven` or a proof of the device in this request
   * @throws HandoffRefusedError for a `challenge` that is not of the form `S256`
   * @throws HandoffRefusedError for a session that already ends with four others, unless `endsWithParent` is false
   * @throws RecentAuthRequiredError with `endsWithParent: false`, if the user has not authenticated within five minutes
   * @throws AccessTokenExpiredError if the access token is older than a pending renewal
   */
  async handoff(options: HandoffOptions): Promise<Handoff> {
    const { sessionId, authTime, issuedAt } = this.requireOwn()
    const { engine } = this.request
    const given: HandoffOptions = methodOptions('handoff', options, ...HANDOFF_FIELDS)
    const scope = { engine, writes: engine.store, autocommit: true }
    const proven = given.proven ?? isProven(this)
    const holder = { authTime: authTime.getTime(), issuedAt: issuedAt.getTime() }
    return createHandoff(scope, sessionId, { ...given, proven }, holder)
  }

  /**
   * Signs in the user of a code that {@link handoff} has made, in a session of its own. Pawl ends every session that this
   * request names, as {@link create} does. Call it only for a POST of a page of this application, or of an app.
   * @param options `verifier`: the verifier for the challenge of the code (RFC 7636 section 4.1)
   * @returns the body to answer with; in cookie mode it holds no token
   * @throws HandoffRefusedError if the code signs nobody in; Pawl has changed nothing
   * @throws CsrfRejectedError for a form of another site that a service worker passed on
   * @throws TypeError for a GET, for an unknown option, and in cookie mode if the response has begun
   * @throws SecretUnknownError for a code of another secret or a later release
   * @throws SessionLimitError, SessionOutdatedError and SessionEndedError as `sessions.redeem`
   */
  async redeem(code: string, options?: { readonly verifier?: string }): Promise<CookieAnswer | BearerAnswer> {
    const { verifier } = methodOptions('redeem', options, 'verifier')
    assertMayRedeem(this.request)
    const origin = originsOf(this.request)
    return this.#signIn((named) => this.request.sessions.redeem(code, { ...named, origin, verifier }))
  }

  /** Creates a session that replaces those of this request, and gives its tokens to the client. */
  async #signIn(
    create: (context: LoginContext) => Promise<CreatedSession<Claims, Data>>,
  ): Promise<CookieAnswer | BearerAnswer> {
    const { sessions, ip, userAgent } = this.request
    // If cookies can no longer be set, nothing is created: nobody could hold the session.
    if (this.transport === 'cookie') this.#state.cookies.reserve()
    const replaces = [...this.namedSessionIds, ...this.request.besideSessionIds]
    const named = { replaces, unproven: this.#unprovenSessionIds }
    const created = await create({ ip, userAgent, ...named }).catch((error) => {
      // `refreshClaims` has refused the login, so the error is about the session of this request.
      if (isSessionsError(error) && error.code === 'ERR_SESSION_ENDED')
        this.#state.createdId = error.sessionId
      throw error
    })
    this.#state.createdId = created.session.sessionId
    try {
      const answer = this.#state.giveTokens(created, true)
      if (this.request.usesCookies) warnOfDroppedCookies(this.request)
      warnOfUnservedRefresh(this.request)
      return answer
    } catch (tooLate) {
      // The handler did not await `create` and has answered: nobody can ever hold this session's tokens.
      await sessions.revoke(created.session.sessionId)
      throw tooLate
    }
  }

  /**
   * Signs out: ends every session that this request names, with the reason `logout`, and clears its cookies.
   * @returns whether it ended a session
   * @throws SecretUnknownError if another secret or a later release made all tokens of the request; the cookies stay
   * @throws TypeError in cookie mode if the response has begun
   */
  async revoke(): Promise<boolean> {
    const { request } = this
    const clearsCookies = this.transport === 'cookie'
    if (request.namesUnknownSession) throw new SecretUnknownError()
    if (clearsCookies) this.#state.cookies.reserve()
    const ended = await endSessions(request, [...this.namedSessionIds, ...request.besideSessionIds])
    this.#state.outcome = { error: new NotSignedInError() }
    if (clearsCookies) this.#state.cookies.set([...request.clearedCookies, ...request.clearedBeside])
    return ended
  }

  /**
   * Ends all other sessions of the user, after a change of password for example. This session continues, also if it has a
   * parent session that ends. In cookie mode the client gets new tokens, and Pawl then refuses copies of the older ones. In
   * bearer mode call {@link reauthenticate} and answer with its body.
   * @returns how many sessions it ended
   * @throws SessionsError as {@link require}
   */
  async revokeOthers(): Promise<number> {
    const ended = await this.request.sessions.revokeUser(this.userId, { except: this.sessionId })
    // An acting session has no refresh token to renew.
    const renews = this.transport === 'cookie' && this.actor === null && !this.#state.hasNewTokens
    if (renews && this.#state.cookies.areSettable) {
      try {
        await this.#state.renew({})
      } catch (error) {
        // The other sessions have ended. Without new tokens, a copy of this one is found by its next use.
        if (!isSessionsError(error)) throw error
      }
    }
    return ended
  }

  /** Reads the record of the session, as `sessions.get`. @returns null if Pawl has deleted its row */
  get(): Promise<Session<Claims, Data> | null> {
    return this.request.sessions.get(this.sessionId)
  }

  /** Replaces the `data` of the session, as `sessions.setData`. @returns the new data version; null if `ifVersion` differs */
  setData(data: JsonOf<Data>, options?: { readonly ifVersion?: number }): Promise<number | null> {
    return this.request.sessions.setData(this.sessionId, data, options)
  }

  /** Replaces some keys of `data`, as `sessions.patchData`. @returns the data version; null if `ifVersion` differs */
  patchData(patch: DataPatch<Data>, options?: { readonly ifVersion?: number }): Promise<number | null> {
    return this.request.sessions.patchData(this.sessionId, patch, options)
  }

  /**
   * Replaces the claims of the session, as `sessions.setClaims`. From the next request on its access token must be refreshed.
   * A holder of a copied refresh token gets the new claims too. To raise rights, use `renew`.
   * @returns the session's new version
   * @throws TypeError and SessionEndedError as `sessions.setClaims`
   * @throws SessionsError as {@link require}
   */
  setClaims(claims: JsonOf<Claims>, options?: { readonly renew?: false }): Promise<number>
  /**
   * Gives the new claims to the client of this request alone, with new tokens. The first refresh with them later than twice
   * `rotation.overlap` plus 5 seconds ends all older tokens of the session, and so all copies (ASVS 7.2.4). Use it to raise
   * rights.
   * @returns the body to answer with; in bearer mode it holds the new tokens
   * @throws AccessTokenExpiredError if the session has changed since the access token was issued
   * @throws ActingRefusedError while acting as another user
   * @throws TypeError as `sessions.setClaims`, and in cookie mode if the response has begun
   * @throws SessionsError as {@link require}
   */
  setClaims(claims: JsonOf<Claims>, options: { readonly renew: true }): Promise<CookieAnswer | BearerAnswer>
  setClaims(
    claims: JsonOf<Claims>,
    given?: { readonly renew?: boolean },
  ): Promise<number | CookieAnswer | BearerAnswer> {
    const { renew = false } = methodOptions('setClaims', given, 'renew')
    return renew ? this.#state.renew({ claims }) : this.#state.replaceClaims(claims)
  }

  /**
   * Records that the user has authenticated again: a new `authTime`, and both timeouts start anew. The client gets new
   * tokens. The first refresh with them later than twice `rotation.overlap` plus 5 seconds ends all older tokens of the
   * session, and so all copies (ASVS 7.2.4).
   * @returns the body to answer with. In bearer mode it holds the new tokens: if the client does not get them, nothing
   * changes
   * @throws AccessTokenExpiredError if the session has changed since the access token was issued
   * @throws ActingRefusedError while acting as another user
   * @throws TypeError in cookie mode if the response has begun
   * @throws SessionsError as {@link require}
   */
  reauthenticate(): Promise<CookieAnswer | BearerAnswer> {
    return this.#state.renew({ reauthenticated: true })
  }

  /**
   * Continues as another user, in an acting session. Your application decides who may do that: check the rights of the caller
   * first. The client keeps the refresh token of its own session, and refreshes continue the acting session. When the
   * acting session ends, the client is the caller again.
   * @returns the body to answer with. In bearer mode the acting session ends when the access token in it expires
   * @throws ActingRefusedError while already acting
   * @throws AccessTokenExpiredError if the session has changed since the access token was issued
   * @throws TypeError for the caller's own id, an unknown field, a wrong `lifetime`, and claims as `sessions.create`
   * @throws TypeError for a client of another protocol that keeps its tokens in headers
   * @throws SessionsError as {@link require}
   */
  async actAs(input: ActAs<Claims>): Promise<CookieAnswer | BearerAnswer> {
    this.requireOwn()
    const started = await startActingIn(this.request, this.#state.cookies, this.#state.verified(), input)
    const { verified, accessToken, answer } = started
    this.#state.createdId = verified.sessionId
    this.#state.accessToken = accessToken
    this.#state.refreshed = null
    this.#state.hasRowClaims = false
    this.#state.outcome = { verified, version: 0 }
    return answer
  }

  /**
   * Ends the acting session of {@link actAs}. The client must refresh next, and is the administrator again. In a session that
   * is not acting, nothing changes.
   * @returns the body to answer with
   * @throws SessionsError as {@link require}
   */
  async stopActing(): Promise<CookieAnswer | BearerAnswer> {
    const { actor, sessionId, expiresAt } = this.require()
    if (actor === null) {
      const accessToken = { value: this.#state.accessToken ?? '', expiresAt }
      return this.transport === 'bearer'
        ? bearerAnswer(this.request, accessToken, null)
        : cookieAnswer(this.request, sessionId, accessToken)
    }
    const answer = await stopActingIn(this.request, this.#state.cookies, this.require(), actor)
    this.#state.outcome = { error: new AccessTokenExpiredError('superseded') }
    return answer
  }

  /**
   * Requires a session and its CSRF token. In bearer mode no token is needed.
   * @param token the value of a form field; without it Pawl reads the header `pawl-csrf`
   * @throws CsrfRejectedError if the token is missing or wrong
   * @throws SessionsError as {@link require}
   */
  requireCsrfToken(token?: unknown): VerifiedSession<Claims> {
    const verified = this.require()
    assertCsrfTokenOf(this.request, verified.sessionId, token)
    return verified
  }

  /**
   * Returns a CSRF token to put into the page, for the header `pawl-csrf` or a form field.
   * @throws SessionsError as {@link require}
   */
  csrfToken(): string {
    return createCsrfToken(this.request.engine.options.secrets, this.sessionId)
  }

  /**
   * Returns an access token to call another service with, on behalf of this request. If this request has refreshed the
   * session, the token lives for `rotation.overlap` at most.
   * @throws SessionsError as {@link require}
   */
  async accessToken(): Promise<string> {
    this.require()
    if (this.#state.refreshed === null) return this.#state.accessToken!
    return (await issueForwardableToken(this.request.engine, this.#state.refreshed)).value
  }

  /** @internal Checks the session, if there is one, against its row. */
  async checkRow(): Promise<void> {
    if (this.error !== null) return
    try {
      await this.check()
    } catch (thrown) {
      if (!isSessionsError(thrown)) throw thrown
      this.#state.outcome = { error: thrown }
    }
  }

  /** @internal Whether a refresh could help: the access token is missing, expired or not recognized. */
  get isRefreshable(): boolean {
    switch (this.error?.code) {
      case 'ERR_NOT_SIGNED_IN':
      case 'ERR_ACCESS_TOKEN_EXPIRED':
      case 'ERR_ACCESS_TOKEN_INVALID':
        return true
      default:
        return false
    }
  }

  /** The bound sessions whose access token has expired, and whose device has not proved itself, as far as this request shows. */
  get #unprovenSessionIds(): string[] {
    const { error } = this
    const isExpired = error?.code === 'ERR_ACCESS_TOKEN_EXPIRED' && error.reason === 'expired'
    return isExpired || error?.code === 'ERR_DEVICE_PROOF_REQUIRED' ? this.request.unprovenSessionIds : []
  }

  /** @internal Whether the request has a bound session that it cannot act with, and that may have lost its key. */
  get isUnproven(): boolean {
    return this.#unprovenSessionIds.length > 0
  }

  /** @internal The access tokens of the client: the one that is valid, or those that a refresh inside this request replaces. */
  get presentedTokens(): readonly string[] {
    const { accessToken } = this.#state
    return accessToken === null ? this.request.accessTokens : [accessToken]
  }

  /** @internal The session that this request has created, then those that its tokens name. */
  get namedSessionIds(): string[] {
    const named = this.request.namedSessionIds
    return this.#state.createdId === null ? named : [...new Set([this.#state.createdId, ...named])]
  }

  /** @internal Applies an inline refresh. */
  acceptRefresh(refreshed: Refreshed, cookies: readonly string[], headers: readonly Header[]): void {
    const { arrivedAt } = this.request
    const session = toSession<Claims, Data>(refreshed.row, arrivedAt, refreshed.stale)
    this.#state.refreshed = refreshed
    const verified = issuedSession(session, refreshed.accessToken, new Date(arrivedAt))
    this.#state.outcome = { verified, version: session.version }
    this.#state.cookies.setInTime(cookies, headers)
  }

  /** @internal Applies a failed inline refresh. Clearing cookies late could hit a new login, so it must be in time too. */
  rejectRefresh(error: AnySessionsError, cookies: readonly string[], headers: readonly Header[]): void {
    this.#state.outcome = { error }
    if (cookies.length > 0) this.#state.cookies.setInTime(cookies, headers)
  }

  /** @internal An accessor, so that a logged session shows nothing of the request. */
  get request(): IncomingRequest<Claims, Data> {
    return this.#state.request
  }

  /** @internal */
  get responseCookies(): ResponseCookies {
    return this.#state.cookies
  }
}

refuseOwnProperties(RequestSession.prototype)
