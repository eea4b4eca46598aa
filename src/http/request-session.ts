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

export type CreateInRequest<Claims extends object, Data> = Omit<
  LoginFields,
  'replaces' | 'unproven' | 'ip' | 'userAgent'
> &
  ClaimsField<Claims> &
  DataField<Data>

/**
 * The type of a request's session: `SessionOf<typeof sessions>`, of sessions, a promise of them or a function that makes
 * them.
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
 * The session of one request. Reading `userId`, `claims` and the like without a session throws the error
 * that says why there is none, so a route that forgot to require one answers 401, not someone else's data.
 */
export class RequestSession<Claims extends object = ClaimsObject, Data = unknown> {
  readonly transport: Transport
  readonly #state: RequestState<Claims, Data>

  constructor(request: IncomingRequest<Claims, Data>) {
    this.#state = new RequestState(request)
    this.transport = request.transport
  }

  /**
   * The session, or null if the request has none. For pages that also serve visitors without a session.
   * @throws TryAgainError, StoreUnavailableError, SecretUnknownError: whether there is a session cannot be decided now.
   * A page load with a token of an unknown secret has none, and keeps its cookies.
   */
  get current(): VerifiedSession<Claims> | null {
    const state = this.#state.resolve()
    if ('verified' in state) return state.verified
    if ('retryAfter' in state.error && !isVisitorsPage(this.request.exchange, state.error)) throw state.error
    return null
  }

  /** Why {@link require} would throw; null when there is a session. */
  get error(): AnySessionsError | null {
    const state = this.#state.resolve()
    return 'error' in state ? state.error : null
  }

  get sessionId(): string {
    return this.require().sessionId
  }
  get userId(): string {
    return this.require().userId
  }
  get claims(): Claims {
    return this.require().claims
  }
  get authTime(): Date {
    return this.require().authTime
  }
  get issuedAt(): Date {
    return this.require().issuedAt
  }
  get expiresAt(): Date {
    return this.require().expiresAt
  }
  get generation(): number {
    return this.require().generation
  }
  /** The administrator who acts as this user; `null` in the user's own session. */
  get actor(): Actor | null {
    return this.require().actor
  }
  /** The session that this one ends with, and that has handed off to it; `null` for any other. */
  get parentId(): string | null {
    return this.require().parentId
  }
  /** The thumbprint of the key that the session is bound to; `null` if it is not bound (`deviceBinding`). */
  get device(): string | null {
    return this.require().device
  }

  /** Whether the schema `claims` refuses the claims. They are then not as the type says. */
  get stale(): boolean {
    return this.require().stale
  }

  /** @throws SessionsError saying why there is no session */
  require(): VerifiedSession<Claims> {
    return this.#state.verified().verified
  }

  /**
   * For actions that need a fresh proof of identity (ASVS 7.5.1).
   * @param maxAge seconds since the last authentication
   * @throws RecentAuthRequiredError, or as {@link require}
   */
  requireRecentAuth(maxAge: number): VerifiedSession<Claims> {
    if (!(maxAge >= 0)) throw new TypeError('`requireRecentAuth` takes seconds')
    const verified = this.require()
    if (this.#state.now() - verified.authTime.getTime() > maxAge * 1000)
      throw new RecentAuthRequiredError(maxAge)
    return verified
  }

  /**
   * For actions that nobody may do for the user, such as a change of password.
   * @throws ActingRefusedError if an administrator acts as the user, or as {@link require}
   */
  requireOwn(): VerifiedSession<Claims> {
    const verified = this.require()
    if (verified.actor !== null) throw new ActingRefusedError()
    return verified
  }

  /** {@link require}, checked against the row itself instead of the feed. */
  async check(): Promise<VerifiedSession<Claims>> {
    const verified = this.require()
    const { sessions, ip, userAgent } = this.request
    // A session refreshed inside this request was read from its row a moment ago.
    return this.#state.refreshed !== null || this.#state.accessToken === null
      ? verified
      : sessions.check(this.#state.accessToken, { ip, userAgent })
  }

  /**
   * Signs a user in. Every session that this request names ends as `replaced` (session fixation), or as `device` if it is bound
   * and expired, and the request carries no proof of its device.
   * @returns the body to answer with: in cookie mode it holds no token
   * @throws TypeError for an unknown field, and for claims with reserved names or too large for a cookie
   * @throws SessionEndedError if `refreshClaims` returns null
   */
  async create(input: CreateInRequest<Claims, Data>): Promise<CookieAnswer | BearerAnswer> {
    const fields = methodOptions('create', input, ...CREATE_FIELDS)
    return this.#signIn((named) => this.request.sessions.create({ ...fields, ...named }))
  }

  /**
   * Makes a code that signs the user in once more: in a web view, or at another domain. It is good for 60 seconds, for one use
   * and at one origin.
   * @throws TypeError for an unknown option, and for an `origin` that is none
   * @throws ActingRefusedError while acting as another user
   * @throws DeviceProofRequiredError for a session that is bound to a device, without a proof of it in this request
   * @throws HandoffRefusedError for a `challenge` that is none, and for a session that already ends with four others
   * @throws RecentAuthRequiredError with `endsWithParent: false`, if the user has not authenticated within five minutes
   * @throws AccessTokenExpiredError with an access token that is older than a pending renewal
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
   * Signs in the user of a code that {@link handoff} has made, in a session of its own. Every session that this request names
   * ends, as with {@link create}. Only for a POST that a page of this application sends, or an app.
   * @param options `verifier`: the secret of which the code has the challenge (RFC 7636)
   * @returns the body to answer with: in cookie mode it holds no token
   * @throws HandoffRefusedError if the code signs nobody in; nothing has changed
   * @throws CsrfRejectedError, and TypeError for a GET
   * @throws SecretUnknownError for a code of another secret or release; also as {@link create}
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
   * Signs out: ends every session this request names and clears its cookies. @returns whether one was ended
   * @throws SecretUnknownError if another secret or a later release made all of its tokens; the cookies stay
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
   * Ends all other sessions of the user, after a change of password say. This one goes on, also if a handoff has created it and
   * its parent ends. In cookie mode the client gets new tokens, so
   * that copies of this session's tokens end as well. In bearer mode call {@link reauthenticate} and answer its body.
   * @returns how many
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

  /** Its record, as `sessions.get`. */
  get(): Promise<Session<Claims, Data> | null> {
    return this.request.sessions.get(this.sessionId)
  }

  /** As `sessions.setData`, for this session. */
  setData(data: JsonOf<Data>, options?: { readonly ifVersion?: number }): Promise<number | null> {
    return this.request.sessions.setData(this.sessionId, data, options)
  }

  /** As `sessions.patchData`, for this session. */
  patchData(patch: DataPatch<Data>, options?: { readonly ifVersion?: number }): Promise<number | null> {
    return this.request.sessions.patchData(this.sessionId, patch, options)
  }

  /**
   * As `sessions.setClaims`, for this session: from the next request on its access token must be refreshed. A copy of
   * the refresh token gets the new claims, too. With `renew`, only the client of this request gets them, and copies end:
   * use it to raise rights.
   * @returns the session's new version; with `renew` the body to answer with, as {@link create}
   */
  setClaims(claims: JsonOf<Claims>, options?: { readonly renew?: false }): Promise<number>
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
   * tokens. Once it refreshes with them, all older tokens of the session are refused: copies end (ASVS 7.2.4).
   * @returns the body to answer with. In bearer mode it holds the new tokens: without them nothing changes
   */
  reauthenticate(): Promise<CookieAnswer | BearerAnswer> {
    return this.#state.renew({ reauthenticated: true })
  }

  /**
   * Continues as another user, in a session of its own. Your application decides who may do that: check the right of the
   * caller first. The client keeps the refresh token of its own session, and refreshes continue the acting. When it ends,
   * or with that session, the client returns to the caller.
   * @returns the body to answer with. In bearer mode the acting ends with the access token in it
   * @throws ActingRefusedError while acting already, and TypeError for the caller's own id, for a client of
   * another protocol that keeps its tokens in headers, or as {@link create}
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
   * Ends the acting of {@link actAs}. The client refreshes next, and is the administrator again. Without acting, nothing
   * changes.
   * @returns the body to answer with
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
   * {@link require}, and the CSRF token of a form field or else of the header. Bearer mode needs none.
   * @throws CsrfRejectedError
   */
  requireCsrfToken(token?: unknown): VerifiedSession<Claims> {
    const verified = this.require()
    assertCsrfTokenOf(this.request, verified.sessionId, token)
    return verified
  }

  /** The token to put into the page, for the `pawl-csrf` header or a form field. */
  csrfToken(): string {
    return createCsrfToken(this.request.engine.options.secrets, this.sessionId)
  }

  /** An access token for calling another service on behalf of this request. */
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
