import type { CreatedSession, CreateSession, RenewSession, Sessions, VerifiedSession } from '../core/api.ts'
import type { ActAs } from '../core/operations/acting.ts'
import { type RenewalHolder, renewSession } from '../core/operations/renew.ts'
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
} from '../portable/errors.ts'
import { methodOptions } from '../portable/options/method-options.ts'
import type { Transport } from '../wire/credentials.ts'
import type { BearerAnswer, CookieAnswer } from '../wire/names.ts'
import { reportStops, startActingIn, stopActingIn } from './acting.ts'
import { createCsrfToken } from './csrf-token.ts'
import { issueForwardableToken } from './forwardable-token.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { ResponseCookies } from './response-cookies.ts'
import { bearerAnswer, cookieAnswer } from './session-answer.ts'

export type CreateInRequest<Claims extends object, Data> = Omit<
  CreateSession<Claims, Data>,
  'replaces' | 'ip' | 'userAgent'
>

/** The address and the user agent are those of the request. */
const CREATE_FIELDS = ['userId', 'claims', 'data', 'persistent', 'idleTimeout', 'absoluteTimeout'] as const

type State<Claims extends object> =
  | {
      readonly verified: VerifiedSession<Claims>
      /** The version of the row that the claims come from. */
      readonly version: number
    }
  | { readonly error: AnySessionsError }

/** The type of a request's session under `sessions`: `SessionOf<typeof sessions>`. */
export type SessionOf<S> = S extends Sessions<infer Claims, infer Data> ? RequestSession<Claims, Data> : never

/**
 * The session of one request. Reading `userId`, `claims` and the like without a session throws the error
 * that says why there is none, so a route that forgot to require one answers 401, not someone else's data.
 */
export class RequestSession<Claims extends object = ClaimsObject, Data = unknown> {
  readonly transport: Transport
  readonly #request: IncomingRequest<Claims, Data>
  #state: State<Claims> | null = null
  #accessToken: string | null = null
  /** The refresh inside this request. */
  #refreshed: Refreshed | null = null
  /** The session that this request has created. */
  #createdId: string | null = null
  /** Whether this request has issued tokens that nobody can have copied. */
  #hasNewTokens = false
  /** Whether this request has replaced the claims of the row. Those of the access token are older. */
  #hasRowClaims = false
  #responseCookies: ResponseCookies | null = null

  constructor(request: IncomingRequest<Claims, Data>) {
    this.#request = request
    this.transport = request.transport
  }

  /**
   * The session, or null if the request has none. For pages that also serve visitors without a session.
   * @throws TryAgainError, StoreUnavailableError, SecretUnknownError: whether there is a session cannot be decided now
   */
  get current(): VerifiedSession<Claims> | null {
    const state = this.#resolve()
    if ('verified' in state) return state.verified
    if ('retryAfter' in state.error) throw state.error
    return null
  }

  /** Why {@link require} would throw; null when there is a session. */
  get error(): AnySessionsError | null {
    const state = this.#resolve()
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

  /** @throws SessionsError saying why there is no session */
  require(): VerifiedSession<Claims> {
    return this.#verified().verified
  }

  /**
   * For actions that need a fresh proof of identity (ASVS 7.5.1).
   * @param maxAge seconds since the last authentication
   * @throws RecentAuthRequiredError, or as {@link require}
   */
  requireRecentAuth(maxAge: number): VerifiedSession<Claims> {
    if (!(maxAge >= 0)) throw new TypeError('`requireRecentAuth` takes seconds')
    const verified = this.require()
    if (this.#now() - verified.authTime.getTime() > maxAge * 1000) throw new RecentAuthRequiredError(maxAge)
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
    const { sessions, ip, userAgent } = this.#request
    // A session refreshed inside this request was read from its row a moment ago.
    return this.#refreshed !== null || this.#accessToken === null
      ? verified
      : sessions.check(this.#accessToken, { ip, userAgent })
  }

  /**
   * Signs a user in. Every session that this request names ends as `replaced` (session fixation).
   * @returns the body to answer with: in cookie mode it holds no token
   * @throws TypeError for an unknown field, and for claims with reserved names or too large for a cookie
   */
  async create(input: CreateInRequest<Claims, Data>): Promise<CookieAnswer | BearerAnswer> {
    const fields = methodOptions('create', input, ...CREATE_FIELDS)
    const { sessions, ip, userAgent } = this.#request
    // If cookies can no longer be set, nothing is created: nobody could hold the session.
    if (this.transport === 'cookie') this.#cookies.reserve()
    const created = await sessions.create({ ...fields, ip, userAgent, replaces: this.namedSessionIds })
    this.#createdId = created.session.sessionId
    try {
      return this.#giveTokens(created)
    } catch (tooLate) {
      // The handler did not await `create` and has answered: nobody can ever hold this session's tokens.
      await sessions.revoke(created.session.sessionId)
      throw tooLate
    }
  }

  /** Signs out: ends every session this request names and clears its cookies. @returns whether one was ended */
  async revoke(): Promise<boolean> {
    const usesCookies = this.transport === 'cookie'
    if (usesCookies) this.#cookies.reserve()
    const ended = await endSessions(this.#request, this.namedSessionIds)
    this.#state = { error: new NotSignedInError() }
    if (usesCookies) this.#cookies.set(this.#request.cookies.clear())
    return ended
  }

  /**
   * Ends all other sessions of the user, after a change of password say. In cookie mode the client gets new tokens, so
   * that copies of this session's tokens end as well. In bearer mode call {@link reauthenticate} and answer its body.
   * @returns how many
   */
  async revokeOthers(): Promise<number> {
    const ended = await this.#request.sessions.revokeUser(this.userId, { except: this.sessionId })
    // An acting session has no refresh token to renew.
    const renews = this.transport === 'cookie' && this.actor === null && !this.#hasNewTokens
    if (renews && this.#cookies.areSettable) {
      try {
        await this.#renew({})
      } catch (error) {
        // The other sessions have ended. Without new tokens, a copy of this one is found by its next use.
        if (!isSessionsError(error)) throw error
      }
    }
    return ended
  }

  /** Its record, as `sessions.get`. */
  get(): Promise<Session<Claims, Data> | null> {
    return this.#request.sessions.get(this.sessionId)
  }

  /** As `sessions.setData`, for this session. */
  setData(data: Data, options?: { readonly ifVersion?: number }): Promise<number | null> {
    return this.#request.sessions.setData(this.sessionId, data, options)
  }

  /** As `sessions.patchData`, for this session. */
  patchData(patch: Partial<Data>, options?: { readonly ifVersion?: number }): Promise<number | null> {
    return this.#request.sessions.patchData(this.sessionId, patch, options)
  }

  /**
   * As `sessions.setClaims`, for this session: from the next request on its access token must be refreshed. A copy of
   * the refresh token gets the new claims, too. With `renew`, only the client of this request gets them, and copies end:
   * use it to raise rights.
   * @returns the session's new version; with `renew` the body to answer with, as {@link create}
   */
  setClaims(claims: Claims, options?: { readonly renew?: false }): Promise<number>
  setClaims(claims: Claims, options: { readonly renew: true }): Promise<CookieAnswer | BearerAnswer>
  setClaims(
    claims: Claims,
    given?: { readonly renew?: boolean },
  ): Promise<number | CookieAnswer | BearerAnswer> {
    const { renew = false } = methodOptions('setClaims', given, 'renew')
    return renew ? this.#renew({ claims }) : this.#replaceClaims(claims)
  }

  /**
   * Records that the user has authenticated again: a new `authTime`, and both timeouts start anew. The client gets new
   * tokens. Once it refreshes with them, all older tokens of the session are refused: copies end (ASVS 7.2.4).
   * @returns the body to answer with. In bearer mode it holds the new tokens: without them nothing changes
   */
  reauthenticate(): Promise<CookieAnswer | BearerAnswer> {
    return this.#renew({ reauthenticated: true })
  }

  /**
   * Continues as another user, in a session of its own. Your application decides who may do that: check the right of the
   * caller first. The client keeps the refresh token of its own session, and refreshes continue the acting. When it ends,
   * or with that session, the client returns to the caller.
   * @returns the body to answer with. In bearer mode the acting ends with the access token in it
   * @throws ActingRefusedError while acting already, and TypeError for the caller's own id or as {@link create}
   */
  async actAs(input: ActAs<Claims>): Promise<CookieAnswer | BearerAnswer> {
    this.requireOwn()
    const started = await startActingIn(this.#request, this.#cookies, this.#verified(), input)
    const { verified, accessToken, answer } = started
    this.#createdId = verified.sessionId
    this.#accessToken = accessToken
    this.#refreshed = null
    this.#hasRowClaims = false
    this.#state = { verified, version: 0 }
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
      const accessToken = { value: this.#accessToken ?? '', expiresAt }
      return this.transport === 'bearer'
        ? bearerAnswer(this.#request, accessToken, null)
        : cookieAnswer(this.#request, sessionId, accessToken)
    }
    const answer = await stopActingIn(this.#request, this.#cookies, this.require(), actor)
    this.#state = { error: new AccessTokenExpiredError('superseded') }
    return answer
  }

  /** The token to put into the page with `csrf: 'token'`, for the `pawl-csrf` header. */
  csrfToken(): string {
    return createCsrfToken(this.#request.engine.options.secrets, this.sessionId)
  }

  /** An access token for calling another service on behalf of this request. */
  async accessToken(): Promise<string> {
    this.require()
    if (this.#refreshed === null) return this.#accessToken!
    return (await issueForwardableToken(this.#request.engine, this.#refreshed)).value
  }

  async #replaceClaims(claims: Claims): Promise<number> {
    const { verified, version } = this.#verified()
    const written = await this.#request.sessions.setClaims(verified.sessionId, claims)
    // If nobody else has changed the row, this request may still renew the session.
    if (written === version + 1) {
      this.#state = { verified, version: written }
      this.#hasRowClaims = true
    }
    return written
  }

  /** Issues new tokens for the client of this request. If cookies can no longer be set, nothing is renewed. */
  async #renew(
    renewal: Pick<RenewSession<Claims>, 'claims' | 'reauthenticated'>,
  ): Promise<CookieAnswer | BearerAnswer> {
    const { engine, ip, userAgent } = this.#request
    const { verified, version } = this.#verified()
    if (verified.actor !== null) throw new ActingRefusedError()
    const { sessionId, authTime, issuedAt } = verified
    const claims = this.#hasRowClaims ? null : verified.claims
    if (this.transport === 'cookie') this.#cookies.reserve()
    const holder = {
      claims,
      authTime: authTime.getTime(),
      issuedAt: issuedAt.getTime(),
      version,
    } as RenewalHolder
    const scope = { engine, writes: engine.store, autocommit: true }
    const renewed = await renewSession<Claims, Data>(scope, sessionId, { ...renewal, ip, userAgent }, holder)
    return this.#giveTokens(renewed, engine.options.decideWithin)
  }

  /**
   * Continues with new tokens, and gives them to the client.
   * @param within a head that is sent later sets no cookies, in ms. A renewal relies on it, a login does not
   * @returns the body to answer with
   */
  #giveTokens(
    { session, accessToken, refreshToken }: CreatedSession<Claims, Data>,
    within: number = Number.POSITIVE_INFINITY,
  ): CookieAnswer | BearerAnswer {
    this.#hasNewTokens = true
    this.#hasRowClaims = false
    this.#accessToken = accessToken.value
    this.#refreshed = null
    const now = this.#now()
    this.#state = {
      verified: issuedSession(session, accessToken, new Date(now)),
      version: session.version,
    }
    if (this.transport === 'bearer') return bearerAnswer(this.#request, accessToken, refreshToken)
    const { cookies } = this.#request
    const life = { expiresAt: session.persistent ? refreshToken.expiresAt : null, now }
    const written = [cookies.access(accessToken.value, life), cookies.refresh(refreshToken.value, life)]
    this.#cookies.set(written, now + within)
    return cookieAnswer(this.#request, session.sessionId, accessToken)
  }

  /** @internal Checks the session, if there is one, against its row. */
  async checkRow(): Promise<void> {
    if (this.error !== null) return
    try {
      await this.check()
    } catch (thrown) {
      if (!isSessionsError(thrown)) throw thrown
      this.#state = { error: thrown }
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

  /** @internal The session that this request has created, then those that its tokens name. */
  get namedSessionIds(): string[] {
    const named = this.#request.namedSessionIds
    return this.#createdId === null ? named : [...new Set([this.#createdId, ...named])]
  }

  /** @internal Applies an inline refresh. */
  acceptRefresh(refreshed: Refreshed, cookies: readonly string[]): void {
    const { arrivedAt } = this.#request
    const session = toSession<Claims, Data>(refreshed.row, arrivedAt)
    this.#refreshed = refreshed
    const verified = issuedSession(session, refreshed.accessToken, new Date(arrivedAt))
    this.#state = { verified, version: session.version }
    this.#cookies.setInTime(cookies)
  }

  /** @internal Applies a failed inline refresh. Clearing cookies late could hit a new login, so it must be in time too. */
  rejectRefresh(error: AnySessionsError, cookies: readonly string[]): void {
    this.#state = { error }
    if (cookies.length > 0) this.#cookies.setInTime(cookies)
  }

  /** @internal An accessor, so that a logged session shows nothing of the request. */
  get request(): IncomingRequest<Claims, Data> {
    return this.#request
  }

  /** @internal */
  get responseCookies(): ResponseCookies {
    return this.#cookies
  }

  get #cookies(): ResponseCookies {
    this.#responseCookies ??= new ResponseCookies(this.#request.exchange, this.#request.engine)
    return this.#responseCookies
  }

  #now(): number {
    return this.#request.engine.clock.now()
  }

  /** @throws as {@link require} */
  #verified(): Extract<State<Claims>, { readonly version: number }> {
    const state = this.#resolve()
    if ('error' in state) throw state.error
    return state
  }

  #resolve(): State<Claims> {
    this.#state ??= this.#verify()
    return this.#state
  }

  /** Runs on first use, not on arrival: a token that expires while a slow body arrives must be refused. */
  #verify(): State<Claims> {
    let error: AnySessionsError | null = null
    const { engine, accessTokens, checkedTokens } = this.#request
    for (const value of accessTokens) {
      try {
        const { session: verified, version } = engine.verify(value, this.#request, checkedTokens)
        this.#accessToken = value
        return { verified, version }
      } catch (thrown) {
        if (!isSessionsError(thrown)) throw thrown
        error = thrown
      }
    }
    return { error: error ?? new NotSignedInError() }
  }
}

/** @returns whether one was ended */
export async function endSessions<Claims extends object, Data>(
  request: IncomingRequest<Claims, Data>,
  sessionIds: readonly string[],
): Promise<boolean> {
  const ends = sessionIds.map(async (id) => ((await request.sessions.revoke(id, 'logout')) ? [id] : []))
  const ended = (await Promise.all(ends)).flat()
  reportStops(request, ended)
  return ended.length > 0
}
