import type { CreatedSession, RenewSession, VerifiedSession } from '../core/api.ts'
import { registrationChallenge } from '../core/device/registration.ts'
import { type RenewalHolder, renewSession } from '../core/operations/renew.ts'
import type { Refreshed } from '../core/refresh/refresh.ts'
import { issuedSession } from '../core/tokens/issue.ts'
import {
  ActingRefusedError,
  type AnySessionsError,
  isSessionsError,
  NotSignedInError,
} from '../portable/errors.ts'
import type { JsonOf } from '../portable/json-types.ts'
import type { BearerAnswer, CookieAnswer } from '../wire/names.ts'
import { canRegister, registrationHeader } from './dbsc.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { ResponseCookies } from './response-cookies.ts'
import { bearerAnswer, cookieAnswer } from './session-answer.ts'

type State<Claims extends object> =
  | {
      readonly verified: VerifiedSession<Claims>
      /** The version of the row that the claims come from. */
      readonly version: number
    }
  | { readonly error: AnySessionsError }

/** What one request knows of its session, and the new tokens that it gives the client. Handlers see `RequestSession`. */
export class RequestState<Claims extends object, Data> {
  readonly request: IncomingRequest<Claims, Data>
  /** `null` until the session is first asked for. */
  outcome: State<Claims> | null = null
  accessToken: string | null = null
  /** The refresh inside this request. */
  refreshed: Refreshed | null = null
  /** The session that this request has created. */
  createdId: string | null = null
  /** Whether this request has issued tokens that nobody can have copied. */
  hasNewTokens = false
  /** Whether this request has replaced the claims of the row. Those of the access token are older. */
  hasRowClaims = false
  #responseCookies: ResponseCookies | null = null

  constructor(request: IncomingRequest<Claims, Data>) {
    this.request = request
  }

  /** As `sessions.setClaims`, for this session. */
  async replaceClaims(claims: JsonOf<Claims>): Promise<number> {
    const { verified, version } = this.verified()
    const written = await this.request.sessions.setClaims(verified.sessionId, claims)
    // If nobody else has changed the row, this request may still renew the session.
    if (written === version + 1) {
      this.outcome = { verified, version: written }
      this.hasRowClaims = true
    }
    return written
  }

  /** Issues new tokens for the client of this request. If cookies can no longer be set, nothing is renewed. */
  async renew(
    renewal: Pick<RenewSession<Claims>, 'claims' | 'reauthenticated'>,
  ): Promise<CookieAnswer | BearerAnswer> {
    const { engine, ip, userAgent } = this.request
    const { verified, version } = this.verified()
    if (verified.actor !== null) throw new ActingRefusedError()
    const { sessionId, authTime, issuedAt, expiresAt } = verified
    const claims = this.hasRowClaims ? null : verified.claims
    if (this.request.transport === 'cookie') this.cookies.reserve()
    const holder = {
      claims,
      authTime: authTime.getTime(),
      issuedAt: issuedAt.getTime(),
      expiresAt: expiresAt.getTime(),
      version,
    } as RenewalHolder
    const scope = { engine, writes: engine.store, autocommit: true }
    const renewed = await renewSession<Claims, Data>(scope, sessionId, { ...renewal, ip, userAgent }, holder)
    return this.giveTokens(renewed, renewal.reauthenticated === true, engine.options.decideWithin)
  }

  /**
   * Continues with new tokens, and gives them to the client.
   * @param hasAuthenticated whether the user has, so that the client may bind the session to its device
   * @param within a head that is sent later sets no cookies, in ms. A renewal relies on it, a login does not
   * @returns the body to answer with
   */
  giveTokens(
    { session, accessToken, refreshToken }: CreatedSession<Claims, Data>,
    hasAuthenticated: boolean,
    within: number = Number.POSITIVE_INFINITY,
  ): CookieAnswer | BearerAnswer {
    this.hasNewTokens = true
    this.hasRowClaims = false
    this.accessToken = accessToken.value
    this.refreshed = null
    const now = this.now()
    this.outcome = {
      verified: issuedSession(session, accessToken, new Date(now)),
      version: session.version,
    }
    const { engine, options, transport } = this.request
    const { sessionId, device } = session
    const isLogin = this.createdId === sessionId
    const mayBind = (hasAuthenticated || isLogin) && this.request.conversation === null
    const challenge = mayBind ? registrationChallenge(engine, sessionId, device !== null) : null
    if (transport === 'bearer') return bearerAnswer(this.request, accessToken, refreshToken, challenge)
    const life = { expiresAt: session.persistent ? refreshToken.expiresAt : null, now }
    const cookies = isLogin ? this.request.loginCookies : this.request.cookies
    const written = [
      ...(isLogin ? this.request.clearedBeside : []),
      cookies.access(accessToken.value, life),
      cookies.refresh(refreshToken.value, life),
      // A device cookie is good for one refresh token, and one of an earlier session keeps the browser from binding this one.
      ...this.request.clearedDevice,
    ]
    const headers =
      challenge !== null && canRegister(this.request) ? [registrationHeader(options.path, challenge)] : []
    this.cookies.set(written, now + within, headers)
    return cookieAnswer(this.request, sessionId, accessToken, challenge)
  }

  /** The cookies that the response will set. */
  get cookies(): ResponseCookies {
    const { exchange, engine, conversation } = this.request
    this.#responseCookies ??= new ResponseCookies(exchange, engine, conversation)
    return this.#responseCookies
  }

  now(): number {
    return this.request.engine.clock.now()
  }

  /** @throws as {@link require} */
  verified(): Extract<State<Claims>, { readonly version: number }> {
    const state = this.resolve()
    if ('error' in state) throw state.error
    return state
  }

  /** The session, or why there is none. */
  resolve(): State<Claims> {
    this.outcome ??= this.#verify()
    return this.outcome
  }

  /** Runs on first use, not on arrival: a token that expires while a slow body arrives must be refused. */
  #verify(): State<Claims> {
    let error: AnySessionsError | null = null
    const { engine, accessTokens, checkedTokens } = this.request
    for (const value of accessTokens) {
      try {
        const { session: verified, version } = engine.verify(value, this.request, checkedTokens)
        this.accessToken = value
        return { verified, version }
      } catch (thrown) {
        if (!isSessionsError(thrown)) throw thrown
        error = thrown
      }
    }
    const cannotRefresh = this.request.conversation?.refreshes === false
    return { error: error === null || (cannotRefresh && isMendable(error)) ? new NotSignedInError() : error }
  }
}

/** Whether a client could mend it, by a refresh or by a proof of its device. */
function isMendable({ code }: AnySessionsError): boolean {
  return (
    code === 'ERR_ACCESS_TOKEN_EXPIRED' ||
    code === 'ERR_ACCESS_TOKEN_INVALID' ||
    code === 'ERR_DEVICE_PROOF_REQUIRED'
  )
}
