import type { Sessions, VerifiedSession } from '../core/api.ts'
import { ENGINE } from '../core/engine.ts'
import { createRevocationSnapshots } from '../core/revocation/revocation-snapshot.ts'
import { CsrfRejectedError, isSessionsError } from '../portable/errors.ts'
import { check } from '../portable/options/check.ts'
import { denialOf } from './authorization.ts'
import { type CookieWriter, cookieWriter, isPlainLocalhost } from './cookies.ts'
import { createCors } from './cors.ts'
import { createCorsWarnings } from './cors-warnings.ts'
import { assertCsrfToken, assertSameSite } from './csrf.ts'
import { errorReply } from './error-reply.ts'
import type { Exchange, Reply } from './exchange.ts'
import { IncomingRequest } from './incoming-request.ts'
import {
  type CookieSet,
  type HttpOptions,
  type RequireOptions,
  resolveHttpOptions,
  resolveRequireOptions,
} from './options/resolve.ts'
import { refreshByCookie } from './refresh-cookies.ts'
import { RequestSession } from './request-session.ts'
import { redirectToSame } from './resume.ts'
import { route } from './routes.ts'
import { createIsTrusted } from './trusted-origins.ts'

export type { RequireOptions } from './options/resolve.ts'

/** An answer of Pawl's own, with the error if it refuses a forged request, or a session for the application to use. */
export type Handled<Claims extends object, Data> =
  | { readonly reply: Reply; readonly rejection?: CsrfRejectedError; readonly session?: undefined }
  | { readonly session: RequestSession<Claims, Data>; readonly reply?: undefined }

/** Sessions over HTTP, in terms of an {@link Exchange}. Each adapter maps one framework to it. */
export interface SessionsOverHttp<Claims extends object, Data> {
  /** Handles a request before the application does. Returns a promise only if the store is needed. */
  handle(exchange: Exchange): Handled<Claims, Data> | Promise<Handled<Claims, Data>>
  /** The answer to a request that does not meet what a route requires; null if it does. */
  authorize(
    session: RequestSession<Claims, Data>,
    options?: RequireOptions,
  ): Reply | null | Promise<Reply | null>
  /** The answer to an error that a handler threw; null if the error is not Pawl's. */
  answer(session: RequestSession<Claims, Data>, error: unknown): Reply | null
  /** The session of a context that cannot set cookies. It is verified and never refreshed. */
  read(exchange: Pick<Exchange, 'header'>): VerifiedSession<Claims> | null
  /** As {@link read}; with the revocation mode `lookup` it also reads the row. */
  readAsync(exchange: Pick<Exchange, 'header'>): Promise<VerifiedSession<Claims> | null>
  /**
   * For frameworks that send the head long after the answer was returned. If the request was refreshed inline, the
   * redirect that makes the browser send it again with its new cookies; null if it has just done so.
   */
  redirectAfterRefresh(session: RequestSession<Claims, Data>): Reply | null
  /** The names of the cookies that the exchange uses. */
  cookiesOf(exchange: Exchange): CookieSet
}

/**
 * Continues with a value at once, or with a promise when it resolves. Most requests have nothing to wait for, and
 * are handled before the middleware returns.
 */
export function whenReady<T, R>(value: T | Promise<T>, proceed: (value: T) => R): R | Promise<R> {
  return isPromise(value) ? value.then(proceed) : proceed(value)
}

/** Also true for a native promise after an application has replaced the global `Promise`. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}

/** Checked when the route is declared, because a misspelled requirement must not turn into none. @throws InvalidOptionsError */
export function checkRequire<T extends RequireOptions>(given: T): T {
  resolveRequireOptions(given)
  return given
}

/** @throws InvalidOptionsError */
export function sessionsOverHttp<Claims extends object, Data>(
  sessions: Sessions<Claims, Data>,
  given: HttpOptions = {},
): SessionsOverHttp<Claims, Data> {
  const options = resolveHttpOptions(given)
  const engine = sessions[ENGINE]
  const { mode } = engine.options.revocation
  if (options.revocations && mode === 'expiry')
    check.fail('revocations', true, "true where `revocation` is 'feed' or 'lookup', not 'expiry'")
  const takeSnapshot = options.revocations ? createRevocationSnapshots(engine) : null
  const secureCookies = cookieWriter(options, options.cookies)
  const localCookies = options.localCookies === null ? null : cookieWriter(options, options.localCookies)
  const cors = options.cors ? createCors() : null
  const isTrusted = createIsTrusted(options)
  const corsWarnings = createCorsWarnings(options, (message) => engine.options.logger.warn({}, message))

  const cookiesOf = (exchange: Exchange): CookieWriter =>
    localCookies !== null && isPlainLocalhost(exchange, options.cookies) ? localCookies : secureCookies

  function handle(exchange: Exchange): Handled<Claims, Data> | Promise<Handled<Claims, Data>> {
    const request = new IncomingRequest(sessions, options, exchange, cookiesOf(exchange))
    const trusted = isTrusted(exchange)
    return isPromise(trusted)
      ? trusted.then((answer) => handleFrom(request, answer))
      : handleFrom(request, trusted)
  }

  function handleFrom(
    request: IncomingRequest<Claims, Data>,
    isFromTrustedOrigin: boolean,
  ): Handled<Claims, Data> | Promise<Handled<Claims, Data>> {
    request.isFromTrustedOrigin = isFromTrustedOrigin
    const preflight = request.isHandshake ? null : applyCors(request)
    if (preflight !== null) return { reply: preflight }
    const session = new RequestSession(request)
    const rejected = rejectForgery(session)
    if (rejected !== null) return rejected
    const reply = route(request, takeSnapshot)
    if (reply !== null) return whenReady(reply, (ready) => ({ reply: ready }))
    if (canRefreshInline(session)) return refreshInline(session)
    return mode === 'lookup' && session.error === null ? checkRow(session) : { session }
  }

  function applyCors({ exchange, isFromTrustedOrigin }: IncomingRequest<Claims, Data>): Reply | null {
    const origin = exchange.header('origin')
    if (origin !== undefined && origin !== '') corsWarnings.inspect(exchange, origin, isFromTrustedOrigin)
    return cors === null ? null : cors.handle(exchange, isFromTrustedOrigin)
  }

  /** The answer to a request that may change state and that another site may have made the browser send. */
  function rejectForgery(session: RequestSession<Claims, Data>): Handled<Claims, Data> | null {
    const { request } = session
    const { exchange } = request
    // A WebSocket handshake is a GET, but no page of another site may send one with our cookies.
    const mayChangeState = request.isHandshake || !request.isSafeMethod
    if (request.transport !== 'cookie' || !mayChangeState) return null
    try {
      assertSameSite(exchange, request.isFromTrustedOrigin)
      if (options.csrfToken) assertCsrfToken(request, session)
      return null
    } catch (error) {
      const reply = errorReply(request, error)
      if (reply === null || !(error instanceof CsrfRejectedError)) throw error
      if (error.check === 'token') return { reply, rejection: error }
      corsWarnings.refused(exchange.header('origin'))
      const readable = cors === null || request.isHandshake ? reply : cors.refuse(exchange, reply)
      return { reply: readable, rejection: error }
    }
  }

  function canRefreshInline(session: RequestSession<Claims, Data>): boolean {
    const { request } = session
    return (
      options.inline && !request.isHandshake && request.refreshCookies.length > 0 && session.isRefreshable
    )
  }

  async function refreshInline(session: RequestSession<Claims, Data>): Promise<Handled<Claims, Data>> {
    const result = await refreshByCookie(session.request)
    if ('error' in result) session.rejectRefresh(result.error, result.cookies)
    else session.acceptRefresh(result.refreshed, result.cookies)
    return { session }
  }

  /** Checks the session against its row. A token that the row supersedes is refreshed like an expired one. */
  async function checkRow(session: RequestSession<Claims, Data>): Promise<Handled<Claims, Data>> {
    await session.checkRow()
    return canRefreshInline(session) ? refreshInline(session) : { session }
  }

  /** A session without an exchange to answer: it sets no cookies. */
  function readOnlySession(given: Pick<Exchange, 'header'>): RequestSession<Claims, Data> | null {
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
    // Headers do not say whether the connection is encrypted, so on localhost either set may be in use.
    // Anywhere else, cookies without a prefix are not trusted.
    for (const cookies of new Set([secureCookies, cookiesOf(exchange)])) {
      const session = new RequestSession(new IncomingRequest(sessions, options, exchange, cookies))
      if (session.current !== null) return session
    }
    return null
  }

  return {
    handle,
    authorize(session, required = {}) {
      if (required.lookup === true && mode !== 'lookup' && session.error === null)
        return checkRow(session).then(() => denialOf(session, required))
      return denialOf(session, required)
    },
    answer(session, error) {
      if (error !== null && error === session.error) return denialOf(session)
      // An administrator may end another user's session. That error does not concern the caller's session.
      if (isSessionsError(error) && error.code === 'ERR_SESSION_ENDED') {
        const { namedSessionIds } = session
        if (namedSessionIds.length > 0 && !namedSessionIds.includes(error.sessionId)) return null
      }
      return errorReply(session.request, error)
    },
    read: (exchange) => readOnlySession(exchange)?.current ?? null,
    async readAsync(exchange) {
      const session = readOnlySession(exchange)
      if (mode === 'lookup') await session?.checkRow()
      return session?.current ?? null
    },
    redirectAfterRefresh({ request: { exchange }, responseCookies }) {
      const isRead = exchange.method === 'GET' || exchange.method === 'HEAD'
      return isRead && responseCookies.pending.cookies.length > 0
        ? redirectToSame(exchange, engine.clock.now())
        : null
    },
    cookiesOf: (exchange) => cookiesOf(exchange).set,
  }
}
