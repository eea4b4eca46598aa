import type { Sessions, VerifiedSession } from '../core/api.ts'
import { internals } from '../core/internals.ts'
import { CsrfRejectedError, isSessionsError } from '../portable/errors.ts'
import { check } from '../portable/options/check.ts'
import { CSRF_HEADER } from '../wire/names.ts'
import { Arrival } from './arrival.ts'
import { type CookieWriter, cookieWriter, isPlainLocalhost } from './cookies.ts'
import { createCors } from './cors.ts'
import { assertSameSite, isSafeMethod } from './csrf.ts'
import { type Exchange, isHandshake, pathOf, type Reply } from './exchange.ts'
import {
  type CookieSet,
  type HttpOptions,
  type RequireOptions,
  resolveHttpOptions,
  resolveRequireOptions,
} from './options.ts'

export type { RequireOptions } from './options.ts'

import { problemOf, problemReply } from './problem.ts'
import { RequestSession } from './request-session.ts'
import { isNavigation, repeatReply, resumeReply } from './resume.ts'
import {
  jwksRoute,
  logoutRoute,
  methodNotAllowed,
  refreshByCookie,
  refreshRoute,
  resumeRoute,
  revocationsRoute,
} from './routes.ts'
import {
  chooseRefreshToken,
  presentedAccessTokens,
  presentedRefreshCookies,
  transportOf,
} from './transport.ts'

/** What a request comes to: an answer of Pawl's own, or a session for the application to use. */
export type Opened<Claims extends object, Data> =
  | { readonly reply: Reply; readonly session?: undefined }
  | { readonly session: RequestSession<Claims, Data>; readonly reply?: undefined }

/** Sessions over HTTP, in terms of an {@link Exchange}. Adapters map one framework to it each. */
export interface SessionsOverHttp<Claims extends object, Data> {
  /** Looks at a request first of all. A promise only where the store has to be asked. */
  open(exchange: Exchange): Opened<Claims, Data> | Promise<Opened<Claims, Data>>
  /** The answer to a request that lacks what a route requires; null when it lacks nothing. */
  refuse(
    exchange: Exchange,
    session: RequestSession<Claims, Data>,
    options?: RequireOptions,
  ): Reply | null | Promise<Reply | null>
  /** The answer to an error thrown by a handler; null when it is none of Pawl's. */
  answer(exchange: Exchange, session: RequestSession<Claims, Data>, error: unknown): Reply | null
  /** The session of a context that cannot set cookies: it verifies, and cannot spend a refresh token. */
  read(exchange: Pick<Exchange, 'header'>): VerifiedSession<Claims> | null
  /** The same, with a look at the row where `revocation` is `lookup`. */
  readAsync(exchange: Pick<Exchange, 'header'>): Promise<VerifiedSession<Claims> | null>
  /**
   * For where the head of an answer goes out long after it has been returned: if the request was renewed
   * inline, the answer that has it come again with its new cookies; null when it has just done that.
   */
  repeat(exchange: Exchange, session: RequestSession<Claims, Data>): Reply | null
  /** The names of the cookies that an exchange goes by. */
  cookiesOf(exchange: Exchange): CookieSet
}

/** A wrong requirement must not turn into none. @throws InvalidOptionsError */
export function checkRequire<T extends RequireOptions>(given: T): T {
  resolveRequireOptions(given)
  return given
}

const JWKS_PATH = '/.well-known/jwks.json'

/** @throws InvalidOptionsError */
export function sessionsOverHttp<Claims extends object, Data>(
  sessions: Sessions<Claims, Data>,
  given: HttpOptions = {},
): SessionsOverHttp<Claims, Data> {
  const options = resolveHttpOptions(given)
  const internal = sessions[internals]
  const secureCookies = cookieWriter(options, options.cookies)
  const localCookies = options.localCookies === null ? null : cookieWriter(options, options.localCookies)
  const cors = createCors(options, internal.warn)
  const refreshPath = `${options.path}/refresh`
  const logoutPath = `${options.path}/logout`
  const revocationsPath = `${options.path}/revocations`
  const snapshot = options.revocations ? internal.revocationSnapshot : null
  if (options.revocations && snapshot === null)
    check.fail('revocations', true, "true where `revocation` is 'feed' or 'lookup', not 'expiry'")

  const cookiesOf = (exchange: Exchange): CookieWriter =>
    localCookies !== null && isPlainLocalhost(exchange, options.cookies) ? localCookies : secureCookies

  const arrivalOf = (exchange: Exchange): Arrival<Claims, Data> =>
    new Arrival(sessions, options, exchange, cookiesOf(exchange))

  function open(exchange: Exchange): Opened<Claims, Data> | Promise<Opened<Claims, Data>> {
    const arrival = arrivalOf(exchange)
    const { handshake, transport } = arrival
    const preflight = handshake ? null : cors.open(exchange)
    if (preflight !== null) return { reply: preflight }
    const session = new RequestSession(arrival)
    // A WebSocket handshake is a GET, but no page of another site may make one with our cookies.
    if (transport === 'cookie' && (handshake || !isSafeMethod(exchange))) {
      const refused = refuseForged(arrival, session)
      if (refused !== null) return { reply: refused }
    }
    const reply = route(arrival, session)
    if (reply !== null)
      return reply instanceof Promise ? reply.then((value) => ({ reply: value })) : { reply }
    if (isRenewable(arrival, session)) return renewInline(arrival, session)
    return internal.lookup && session.error === null ? lookUp(arrival, session) : { session }
  }

  /** The answer to a request that may change state and that another site may have had the browser make. */
  function refuseForged(arrival: Arrival<Claims, Data>, session: RequestSession<Claims, Data>): Reply | null {
    const { exchange } = arrival
    try {
      assertSameSite(exchange, options.trustedOrigins)
      if (options.csrfToken) assertCsrfToken(arrival, session)
      return null
    } catch (error) {
      const reply = problem(exchange, error)
      if (reply === null) throw error
      return reply
    }
  }

  function isRenewable(
    { exchange, handshake, transport, cookies }: Arrival<Claims, Data>,
    session: RequestSession<Claims, Data>,
  ): boolean {
    return (
      options.inline &&
      transport === 'cookie' &&
      !handshake &&
      mayRenew(session) &&
      presentedRefreshCookies(exchange, cookies.set).length > 0
    )
  }

  /** Has the row decide; what it has made old is renewed as if time had. */
  async function lookUp(
    arrival: Arrival<Claims, Data>,
    session: RequestSession<Claims, Data>,
  ): Promise<Opened<Claims, Data>> {
    await session.lookUp()
    return isRenewable(arrival, session) ? renewInline(arrival, session) : { session }
  }

  function route(
    arrival: Arrival<Claims, Data>,
    session: RequestSession<Claims, Data>,
  ): Reply | Promise<Reply> | null {
    const { method, target } = arrival.exchange
    const path = pathOf(target)
    if (method === 'OPTIONS' || arrival.handshake) return null
    if (path === refreshPath) {
      if (method === 'POST') return refreshRoute(arrival)
      return method === 'GET' ? resumeRoute(arrival) : methodNotAllowed('POST')
    }
    if (path === logoutPath)
      return method === 'POST' ? logoutRoute(arrival, session) : methodNotAllowed('POST')
    if (path === JWKS_PATH && internal.publishesKeys && (method === 'GET' || method === 'HEAD'))
      return jwksRoute(arrival)
    if (path === revocationsPath && snapshot !== null)
      return method === 'GET' || method === 'HEAD'
        ? revocationsRoute(arrival, snapshot)
        : methodNotAllowed('GET, HEAD')
    return null
  }

  async function renewInline(
    arrival: Arrival<Claims, Data>,
    session: RequestSession<Claims, Data>,
  ): Promise<Opened<Claims, Data>> {
    const result = await refreshByCookie(arrival)
    if ('error' in result) {
      session.fail(result.error, result.cookies)
      return { session }
    }
    const { row, accessToken } = result.refreshed
    const verified = Object.freeze({
      sessionId: row.id,
      userId: row.userId,
      claims: row.claims as Claims,
      issuedAt: new Date(arrival.arrivedAt),
      expiresAt: accessToken.expiresAt,
      authTime: new Date(row.authTime),
      generation: row.generation,
    })
    session.renew(result.refreshed, verified, result.cookies)
    return { session }
  }

  /**
   * The refresh route is exempt: it is where a page that was loaded anew gets its token. A WebSocket
   * handshake, which is a GET, is not asked for one either, as browsers let no page add a header to it.
   */
  function assertCsrfToken(arrival: Arrival<Claims, Data>, session: RequestSession<Claims, Data>): void {
    const { exchange } = arrival
    if (isSafeMethod(exchange) || pathOf(exchange.target) === refreshPath) return
    const sessionId = actingSessionId(arrival, session)
    if (sessionId !== null && !internal.checkCsrfToken(sessionId, exchange.header(CSRF_HEADER))) {
      throw new CsrfRejectedError('token')
    }
  }

  /**
   * The session a request acts with; null for none. Cookies of a session that is over are none: nobody
   * can get a token for it, and signing in anew must not need one.
   */
  function actingSessionId(
    { exchange, cookies }: Arrival<Claims, Data>,
    session: RequestSession<Claims, Data>,
  ): string | null {
    if (session.error === null) return session.sessionId
    if (pathOf(exchange.target) === logoutPath) return session.presentedSessionId()
    if (!options.inline || !mayRenew(session)) return null
    const chosen = chooseRefreshToken(
      internal,
      presentedRefreshCookies(exchange, cookies.set),
      presentedAccessTokens(exchange, 'cookie', cookies.set),
    )
    return typeof chosen === 'string' ? null : (internal.inspectRefreshToken(chosen.value)?.sessionId ?? null)
  }

  function problem(exchange: Exchange, error: unknown): Reply | null {
    const found = isSessionsError(error) ? problemOf(error) : null
    return found === null ? null : problemReply(found, transportOf(exchange) === 'bearer')
  }

  function refuse(
    exchange: Exchange,
    session: RequestSession<Claims, Data>,
    required: RequireOptions = {},
  ): Reply | null | Promise<Reply | null> {
    if (required.lookup === true && !internal.lookup && session.error === null) {
      return lookUp(arrivalOf(exchange), session).then(() => refuseNow(exchange, session, required))
    }
    return refuseNow(exchange, session, required)
  }

  function refuseNow(
    exchange: Exchange,
    session: RequestSession<Claims, Data>,
    { optional = false, maxAuthAge }: RequireOptions = {},
  ): Reply | null {
    const { error } = session
    if (error === null) {
      if (maxAuthAge === undefined) return null
      try {
        session.requireRecentAuth(maxAuthAge)
        return null
      } catch (tooOld) {
        return problem(exchange, tooOld)
      }
    }
    const expired = error.code === 'ERR_ACCESS_TOKEN_EXPIRED' || error.code === 'ERR_ACCESS_TOKEN_INVALID'
    if (expired && session.transport === 'cookie' && !options.inline && isNavigation(exchange)) {
      const resume = resumeReply(exchange, refreshPath, internal.now())
      if (resume !== null) return resume
      // It has just been through the refresh route and nothing was stored: a page, not a loop.
      if (optional) return null
    }
    // What inline refresh has left is over. A handshake is not refreshed: whom it is from shows afterwards.
    const hopeless = !expired || (options.inline && !isHandshake(exchange))
    return optional && hopeless && !('retryAfter' in error) ? null : problem(exchange, error)
  }

  function readOnly(given: Pick<Exchange, 'header'>): RequestSession<Claims, Data> | null {
    const exchange: Exchange = {
      method: 'GET',
      target: '/',
      header: (name) => given.header(name),
      secure: false,
      ip: undefined,
      peer: undefined,
      signal: { aborted: false },
      json: async () => null,
      beforeHead() {},
    }
    // Headers do not say whether the connection is encrypted, so on localhost either set may be in use;
    // anywhere else the cookies without a prefix are not to be trusted.
    for (const cookies of new Set([secureCookies, cookiesOf(exchange)])) {
      const session = new RequestSession(new Arrival(sessions, options, exchange, cookies))
      if (session.current !== null) return session
    }
    return null
  }

  return {
    open,
    refuse,
    answer(exchange, session, error) {
      if (error !== null && error === session.error) return refuseNow(exchange, session)
      // The end of another session, an administrator's work say, is not the end of the caller's.
      if (isSessionsError(error) && error.code === 'ERR_SESSION_ENDED') {
        const ours = session.presentedSessionIds()
        if (ours.length > 0 && !ours.includes(error.sessionId)) return null
      }
      return problem(exchange, error)
    },
    read: (exchange) => readOnly(exchange)?.current ?? null,
    async readAsync(exchange) {
      const session = readOnly(exchange)
      if (internal.lookup) await session?.lookUp()
      return session?.current ?? null
    },
    repeat(exchange, { pendingCookies }) {
      const { method } = exchange
      if (pendingCookies.cookies.length === 0 || (method !== 'GET' && method !== 'HEAD')) return null
      return repeatReply(exchange, internal.now())
    },
    cookiesOf: (exchange) => cookiesOf(exchange).set,
  }
}

/** Whether an inline refresh could help: there is no access token, or one that is expired or not recognized. */
function mayRenew<Claims extends object, Data>({ error }: RequestSession<Claims, Data>): boolean {
  return (
    error?.code === 'ERR_NOT_SIGNED_IN' ||
    error?.code === 'ERR_ACCESS_TOKEN_EXPIRED' ||
    error?.code === 'ERR_ACCESS_TOKEN_INVALID'
  )
}
