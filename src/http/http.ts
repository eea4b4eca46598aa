import type { Sessions } from '../core/api.ts'
import { ENGINE } from '../core/engine.ts'
import type { WaitUntil } from '../core/on-demand.ts'
import { createRevocationSnapshots } from '../core/revocation/revocation-snapshot.ts'
import { isSessions, openSource, type SessionsSource } from '../core/start/sessions-source.ts'
import { claimedToken } from '../core/tokens/access-token.ts'
import { CsrfRejectedError } from '../portable/errors.ts'
import { isPromise } from '../portable/is-promise.ts'
import { check } from '../portable/options/check.ts'
import { answersOf, canRefreshInline, checkRow, refreshInline } from './answers.ts'
import { type CookieWriter, cookiesFor } from './cookies.ts'
import { createCors } from './cors.ts'
import { createCorsWarnings } from './cors-warnings.ts'
import { assertCsrfToken, assertSameSite } from './csrf.ts'
import { createCsrfToken } from './csrf-token.ts'
import { errorReply } from './error-reply.ts'
import type { Exchange, Reply } from './exchange.ts'
import { IncomingRequest } from './incoming-request.ts'
import { lazyHttp } from './lazy-http.ts'
import {
  type HttpOptions,
  type RequireOptions,
  type ResolvedHttpOptions,
  resolveHttpOptions,
  resolveRequireOptions,
} from './options/resolve.ts'
import { warnOfPassedOnForm } from './passed-on-forms.ts'
import { type Conversation, translated } from './protocol.ts'
import { RequestSession } from './request-session.ts'
import { route } from './routes.ts'
import type { Handled, SessionsOverHttp } from './sessions-over-http.ts'
import { warnOfSetting } from './setting-warnings.ts'
import { createIsTrusted } from './trusted-origins.ts'

export type { SessionsSource } from '../core/start/sessions-source.ts'
export type { RequireOptions } from './options/resolve.ts'
export type { Handled, SessionsOverHttp } from './sessions-over-http.ts'

/**
 * Continues with a value at once, or with a promise when it resolves. Most requests have nothing to wait for, and
 * are handled before the middleware returns.
 */
export function whenReady<T, R>(
  value: T | Promise<T>,
  proceed: (value: T) => R | Promise<R>,
): R | Promise<R> {
  return isPromise(value) ? value.then(proceed) : proceed(value)
}

/**
 * For frameworks that wait for an adapter before they end the answer: runs the work of a request and then waits until what
 * it has proved and changed is written, if a process that stops after the answer could lose it (`serverless`).
 */
export async function settling<T>(
  http: Pick<SessionsOverHttp<never, never>, 'settle'>,
  work: () => T,
  waitUntil?: WaitUntil,
): Promise<Awaited<T>> {
  try {
    return await work()
  } finally {
    const settled = http.settle(waitUntil)
    if (settled !== null) await settled
  }
}

/** For frameworks that do not wait: writes what the request proves before the application handles it. */
export function handleAndSettle<Claims extends object, Data>(
  http: SessionsOverHttp<Claims, Data>,
  exchange: Exchange,
): Handled<Claims, Data> | Promise<Handled<Claims, Data>> {
  return whenReady(http.handle(exchange), (handled) => {
    const { session } = handled
    // Verifies the access token now instead of at the first use in the application.
    if (session !== undefined && session.request.engine.onDemand !== null) void session.error
    const settled = http.settle()
    return settled === null ? handled : settled.then(() => handled)
  })
}

/** Checked when the route is declared, because a misspelled requirement must not turn into none. @throws InvalidOptionsError */
export function checkRequire<T extends RequireOptions>(given: T): T {
  resolveRequireOptions(given)
  return given
}

/**
 * @param caller the adapter's function, for messages
 * @throws InvalidOptionsError
 * @throws TypeError if the source is none
 */
export function sessionsOverHttp<Claims extends object, Data>(
  source: SessionsSource<Claims, Data>,
  given: HttpOptions = {},
  caller = 'sessionsOverHttp',
): SessionsOverHttp<Claims, Data> {
  const opened = openSource(source, caller)
  const options = resolveHttpOptions(given)
  return isSessions<Claims, Data>(opened)
    ? startedHttp(opened, options)
    : lazyHttp(opened, options, (sessions) => startedHttp(sessions, options))
}

/** @throws InvalidOptionsError for an option that these sessions do not allow */
function startedHttp<Claims extends object, Data>(
  sessions: Sessions<Claims, Data>,
  given: ResolvedHttpOptions,
): SessionsOverHttp<Claims, Data> {
  const engine = sessions[ENGINE]
  // A process that only reads cannot refresh. The refresh route of another process can, so the client is sent there.
  const options = engine.store.readOnly === true ? { ...given, inline: false } : given
  const { onDemand, feed } = engine
  const { catchUp } = onDemand ?? feed
  const { mode } = engine.options.revocation
  if (options.revocations && mode === 'expiry')
    check.fail('revocations', true, "true where `revocation` is 'feed' or 'lookup', not 'expiry'")
  if (options.domain !== null && engine.options.deviceBinding !== 'off')
    check.fail(
      'cookies.domain',
      options.domain,
      'no domain with `deviceBinding`: a device proves itself to one host',
    )
  if (options.protocol !== null && engine.options.deviceBinding === 'require')
    check.fail(
      'protocol',
      'a protocol',
      "none with `deviceBinding: 'require'`: its clients cannot bind their sessions, which would end ten minutes after the login",
    )
  // Clients of another protocol refresh by themselves.
  const conversationOptions = { ...options, inline: false }
  const takeSnapshot = options.revocations ? createRevocationSnapshots(engine) : null
  const { secure: secureCookies, of: cookiesOf } = cookiesFor(options)
  const cors = options.cors ? createCors() : null
  const isTrusted = createIsTrusted(options)
  const corsWarnings = createCorsWarnings(options, (event, message) => warnOfSetting(engine, event, message))

  /** The CSRF token of the session of an access token that Pawl has just issued. */
  function csrfTokenOf(accessToken: string): string | null {
    const named = options.csrfToken ? claimedToken(accessToken) : null
    return named === null ? null : createCsrfToken(engine.options.secrets, named.sessionId)
  }

  const isGenuine = (accessToken: string): boolean => engine.identify(accessToken) !== null

  function openConversation(exchange: Exchange, cookies: CookieWriter): Conversation | null {
    return options.protocol?.converse(exchange, { cookies, isGenuine, csrfTokenOf }) ?? null
  }

  function incoming(exchange: Exchange, waited?: number): IncomingRequest<Claims, Data> {
    const own = cookiesOf(exchange)
    const conversation = openConversation(exchange, own)
    if (conversation === null) return new IncomingRequest(sessions, options, exchange, own, waited)
    const { exchange: inner, cookies } = conversation
    return new IncomingRequest(sessions, conversationOptions, inner, cookies, waited, conversation)
  }

  function handle(exchange: Exchange, waited = 0): Handled<Claims, Data> | Promise<Handled<Claims, Data>> {
    const catchingUp = catchUp()
    if (catchingUp === null) return handleNow(exchange, waited)
    const startedAt = performance.now()
    // The request begins after the wait: until then the clock may be behind, too.
    return catchingUp.then(() => handleNow(exchange, waited + performance.now() - startedAt))
  }

  function handleNow(
    exchange: Exchange,
    waited: number,
  ): Handled<Claims, Data> | Promise<Handled<Claims, Data>> {
    const request = incoming(exchange, waited)
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
    if (rejected !== null)
      return { ...rejected, reply: translated(request, rejected.reply, rejected.rejection) }
    const reply = route(request, takeSnapshot)
    if (reply !== null) return whenReady(reply, (ready) => ({ reply: translated(request, ready) }))
    if (canRefreshInline(session)) return refreshInline(session)
    return mode === 'lookup' && session.error === null ? checkRow(session) : { session }
  }

  function applyCors(request: IncomingRequest<Claims, Data>): Reply | null {
    const { exchange, isFromTrustedOrigin } = request
    const origin = exchange.header('origin')
    const needsCookies = request.conversation?.usesCookies !== false
    if (needsCookies && origin !== undefined && origin !== '')
      corsWarnings.inspect(exchange, origin, isFromTrustedOrigin)
    return cors === null ? null : cors.handle(exchange, isFromTrustedOrigin)
  }

  /** The answer to a request that may change state and that another site may have made the browser send. */
  function rejectForgery(
    session: RequestSession<Claims, Data>,
  ): { readonly reply: Reply; readonly rejection: CsrfRejectedError } | null {
    const { request } = session
    const { exchange } = request
    // A WebSocket handshake is a GET, but no page of another site may send one with our cookies.
    const mayChangeState = request.isHandshake || !request.isSafeMethod
    if (!request.usesCookies || !mayChangeState) return null
    try {
      assertSameSite(exchange, request.isFromTrustedOrigin)
      warnOfPassedOnForm(request)
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
    const translatedRequest = incoming(exchange)
    if (translatedRequest.conversation !== null) {
      const session = new RequestSession(translatedRequest)
      return session.current === null ? null : session
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
    ...answersOf<Claims, Data>(),
    settle: (waitUntil) => onDemand?.settle(waitUntil) ?? null,
    read(exchange) {
      // It cannot wait, but the next call knows more.
      void onDemand?.catchUp()
      return readOnlySession(exchange)?.current ?? null
    },
    async readAsync(exchange) {
      await catchUp()
      const session = readOnlySession(exchange)
      if (mode === 'lookup') await session?.checkRow()
      const current = session?.current ?? null
      await onDemand?.settle()
      return current
    },
    cookiesOf(exchange) {
      const own = cookiesOf(exchange)
      return (openConversation(exchange, own)?.cookies ?? own).set
    },
  }
}
