import type { CreateSession, Sessions, VerifiedSession } from '../core/api.ts'
import type { Internals } from '../core/internals.ts'
import type { Refreshed } from '../core/refresh/refresh.ts'
import type { Session } from '../core/session/session.ts'
import type { ClaimsObject } from '../portable/claims.ts'
import {
  type AnySessionsError,
  isSessionsError,
  NotSignedInError,
  RecentAuthRequiredError,
} from '../portable/errors.ts'
import type { BearerAnswer, CookieAnswer } from '../wire/names.ts'
import { cookieAnswer, secondsUntil } from './answer.ts'
import type { Arrival } from './arrival.ts'
import { forbidCaching } from './exchange.ts'
import { presentedAccessTokens, presentedRefreshCookies, type Transport } from './transport.ts'

export type CreateInRequest<Claims extends object, Data> = Omit<
  CreateSession<Claims, Data>,
  'replaces' | 'ip' | 'userAgent'
>

/** Cookies that wait for the head of an answer. */
export interface PendingCookies {
  readonly cookies: readonly string[]
  /** An answer whose head goes out later sets none. Milliseconds. */
  readonly until: number
}

const NOTHING_PENDING: PendingCookies = { cookies: [], until: 0 }

type State<Claims extends object> =
  | { readonly verified: VerifiedSession<Claims> }
  | { readonly error: AnySessionsError }

/** The type of a request's session under `sessions`: `SessionOf<typeof sessions>`. */
export type SessionOf<S> = S extends Sessions<infer Claims, infer Data> ? RequestSession<Claims, Data> : never

/**
 * The session of one request. Reading `userId`, `claims` and the like without a session throws the error
 * that says why there is none, so a route that forgot to require one answers 401, not someone else's data.
 */
export class RequestSession<Claims extends object = ClaimsObject, Data = unknown> {
  readonly transport: Transport
  readonly #arrival: Arrival<Claims, Data>
  #state: State<Claims> | null = null
  /** What to set when the response's head goes out. */
  #pending: PendingCookies = NOTHING_PENDING
  #head: 'untouched' | 'hooked' | 'sent' = 'untouched'
  #refreshed: Refreshed | null = null
  #accessToken: string | null = null
  /** The session that this request itself has started. */
  #created: string | null = null

  constructor(arrival: Arrival<Claims, Data>) {
    this.#arrival = arrival
    this.transport = arrival.transport
  }

  /**
   * The session, or null when the request has none: for pages that greet whoever comes.
   * @throws TryAgainError, StoreUnavailableError, SecretUnknownError: signed in or not cannot be said now
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

  /** @throws SessionsError saying why there is no session */
  require(): VerifiedSession<Claims> {
    const state = this.#resolve()
    if ('error' in state) throw state.error
    return state.verified
  }

  /**
   * For actions that need a fresh proof of identity (ASVS 7.5.1).
   * @param maxAge seconds since the last authentication
   * @throws RecentAuthRequiredError, or as {@link require}
   */
  requireRecentAuth(maxAge: number): VerifiedSession<Claims> {
    if (!(maxAge >= 0)) throw new TypeError('`requireRecentAuth` takes seconds')
    const verified = this.require()
    if (this.#internals.now() - verified.authTime.getTime() > maxAge * 1000)
      throw new RecentAuthRequiredError(maxAge)
    return verified
  }

  /** {@link require}, checked against the row itself instead of the feed. */
  async check(): Promise<VerifiedSession<Claims>> {
    const verified = this.require()
    // A session renewed inside this request was read from its row a moment ago.
    return this.#refreshed !== null || this.#accessToken === null
      ? verified
      : this.#arrival.sessions.check(this.#accessToken, this.#arrival)
  }

  /**
   * Signs a user in. The session this request presented, if any, ends as `replaced` (session fixation).
   * @returns the body to answer with: in cookie mode it holds no token
   * @throws TypeError for claims with reserved names or too large for a cookie
   */
  async create(input: CreateInRequest<Claims, Data>): Promise<CookieAnswer | BearerAnswer> {
    const { sessions, cookies } = this.#arrival
    // Too late for cookies is an error before there is a session nobody holds.
    if (this.transport === 'cookie') this.#hook()
    const replaces = this.presentedSessionId()
    const created = await sessions.create({
      ...input,
      ip: this.#arrival.ip,
      userAgent: this.#arrival.userAgent,
      ...(replaces !== null && { replaces }),
    })
    const { session, accessToken, refreshToken } = created
    this.#created = session.sessionId
    this.#accept(accessToken.value)
    this.#refreshed = null
    if (this.transport === 'bearer') {
      const expiresIn = secondsUntil(sessions, accessToken.expiresAt)
      return { accessToken: accessToken.value, refreshToken: refreshToken.value, expiresIn }
    }
    const life = { expiresAt: session.persistent ? refreshToken.expiresAt : null, now: this.#internals.now() }
    try {
      this.#setCookies([cookies.access(accessToken.value, life), cookies.refresh(refreshToken.value, life)])
    } catch (tooLate) {
      // The response overtook a `create` that nobody awaited: nobody will ever hold this session's tokens.
      await sessions.revoke(session.sessionId)
      throw tooLate
    }
    return cookieAnswer(sessions, session.sessionId, accessToken.expiresAt, this.#arrival.options.csrfToken)
  }

  /** Signs out: ends every session this request names and clears its cookies. @returns whether one was ended */
  async revoke(): Promise<boolean> {
    if (this.transport === 'cookie') this.#hook()
    const ended = await this.endPresented()
    this.#state = { error: new NotSignedInError() }
    if (this.transport === 'cookie') this.#setCookies(this.#arrival.cookies.clear())
    return ended
  }

  /** Ends all other sessions of the user, after a change of password say. @returns how many */
  revokeOthers(): Promise<number> {
    return this.#arrival.sessions.revokeUser(this.userId, { except: this.sessionId })
  }

  /** Its record, as `sessions.get`. */
  get(): Promise<Session<Claims, Data> | null> {
    return this.#arrival.sessions.get(this.sessionId)
  }

  /** As `sessions.setData`, for this session. */
  setData(data: Data, options?: { readonly ifVersion?: number }): Promise<number | null> {
    return this.#arrival.sessions.setData(this.sessionId, data, options)
  }

  /** As `sessions.patchData`, for this session. */
  patchData(patch: Partial<Data>, options?: { readonly ifVersion?: number }): Promise<number | null> {
    return this.#arrival.sessions.patchData(this.sessionId, patch, options)
  }

  /** As `sessions.setClaims`, for this session: its access token of now answers "refresh" from the next request on. */
  setClaims(claims: Claims): Promise<number> {
    return this.#arrival.sessions.setClaims(this.sessionId, claims)
  }

  /** As `sessions.reauthenticate`, for this session. */
  reauthenticate(): Promise<void> {
    return this.#arrival.sessions.reauthenticate(this.sessionId)
  }

  /** The token to put into the page with `csrf: 'token'`, for the `pawl-csrf` header. */
  csrfToken(): string {
    return this.#internals.csrfToken(this.sessionId)
  }

  /** An access token for calling another service on behalf of this request. */
  async accessToken(): Promise<string> {
    this.require()
    // One minted inside this request proves nothing about the client, so a second one goes out.
    if (this.#refreshed !== null) return (await this.#internals.forwardable(this.#refreshed)).value
    return this.#accessToken!
  }

  /** @internal Has the row decide, where there is a session so far. */
  async lookUp(): Promise<void> {
    if (this.error !== null) return
    try {
      await this.check()
    } catch (thrown) {
      if (!isSessionsError(thrown)) throw thrown
      this.#state = { error: thrown }
    }
  }

  /** @internal The session this request has started, or else one that a genuine token of it names, however old. */
  presentedSessionId(): string | null {
    return this.presentedSessionIds()[0] ?? null
  }

  /** @internal */
  presentedSessionIds(): string[] {
    const { exchange, transport, cookies } = this.#arrival
    const access = presentedAccessTokens(exchange, transport, cookies.set).map((value) =>
      this.#internals.inspectAccessToken(value),
    )
    const refresh =
      transport === 'bearer'
        ? []
        : presentedRefreshCookies(exchange, cookies.set).map((value) =>
            this.#internals.inspectRefreshToken(value),
          )
    const presented = [...access, ...refresh].flatMap((token) => token?.sessionId ?? [])
    return [...new Set([...(this.#created === null ? [] : [this.#created]), ...presented])]
  }

  /** @internal */
  async endPresented(): Promise<boolean> {
    const results = await Promise.all(
      this.presentedSessionIds().map((id) => this.#arrival.sessions.revoke(id, 'logout')),
    )
    return results.includes(true)
  }

  /** @internal Takes over what an inline refresh brought, and its cookies if they still count as delivered in time. */
  renew(refreshed: Refreshed, verified: VerifiedSession<Claims>, cookies: readonly string[]): void {
    this.#refreshed = refreshed
    this.#state = { verified }
    this.#setCookiesInTime(cookies)
  }

  /** @internal Takes over why an inline refresh failed. A clearing this late could hit a new login, so it has to be in time too. */
  fail(error: AnySessionsError, cookies: readonly string[]): void {
    this.#state = { error }
    if (cookies.length > 0) this.#setCookiesInTime(cookies)
  }

  /** @internal */
  get pendingCookies(): PendingCookies {
    return this.#pending
  }

  /** @internal Leaves its cookies to another session of the same request, whose answer will be the one that is sent. */
  giveCookies(): PendingCookies {
    const pending = this.#pending
    this.#pending = NOTHING_PENDING
    return pending
  }

  /** @internal */
  takeCookies({ cookies, until }: PendingCookies): void {
    this.#setCookies(cookies, until)
  }

  get #internals(): Internals {
    return this.#arrival.internals
  }

  #resolve(): State<Claims> {
    this.#state ??= this.#verify()
    return this.#state
  }

  #verify(): State<Claims> {
    const { exchange, transport, cookies, sessions } = this.#arrival
    let error: AnySessionsError | null = null
    for (const value of presentedAccessTokens(exchange, transport, cookies.set)) {
      try {
        // By the time it is looked at: a body that comes slowly must not keep an expired token good.
        const verified = sessions.verify(value, this.#arrival)
        this.#accessToken = value
        return { verified }
      } catch (thrown) {
        if (!isSessionsError(thrown)) throw thrown
        error = thrown
      }
    }
    // Not made beforehand: an error with its stack takes twenty times as long as all the rest.
    return { error: error ?? new NotSignedInError() }
  }

  #accept(accessToken: string): void {
    this.#accessToken = accessToken
    this.#state = { verified: this.#arrival.sessions.verify(accessToken, this.#arrival) }
  }

  #setCookiesInTime(cookies: readonly string[]): void {
    this.#setCookies(cookies, this.#internals.now() + this.#internals.answerWithin)
  }

  #setCookies(cookies: readonly string[], until: number = Number.POSITIVE_INFINITY): void {
    this.#hook()
    this.#pending = { cookies, until }
  }

  /** @throws TypeError when the head has been sent */
  #hook(): void {
    if (this.#head === 'sent') throw new TypeError('the response has begun: its cookies can no longer be set')
    if (this.#head === 'hooked') return
    this.#arrival.exchange.beforeHead((head) => {
      this.#head = 'sent'
      const { cookies, until } = this.#pending
      // An answer this late counts as lost: its cookies would break the timing the protocol rests on.
      if (cookies.length === 0 || this.#internals.now() > until) return
      for (const cookie of cookies) head.append('set-cookie', cookie)
      forbidCaching(head)
    })
    this.#head = 'hooked'
  }
}
