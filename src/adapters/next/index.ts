import type { NextFetchEvent, NextRequest } from 'next/server.js'
import type { Sessions, VerifiedSession } from '../../core/api.ts'
import { checkRequire, type RequireOptions, type SessionsSource } from '../../http/http.ts'
import { type HttpOptions, resolveHttpOptions } from '../../http/options/resolve.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { assertHandler } from '../../http/uncalled.ts'
import { check } from '../../portable/options/check.ts'
import { addressFunction } from '../shared/client-address.ts'
import { runAction } from './action.ts'
import { type ClientAddress, clientHeaders } from './exchange.ts'
import { type ProxyHandler, runProxy } from './proxy.ts'
import { runRoute } from './route.ts'
import { sentHeaders } from './sent-headers.ts'
import type { Setup } from './setup.ts'
import { shareByName, startOrThrow } from './start.ts'

export type { RequireOptions } from '../../http/http.ts'
export type { CookieOptions, HttpOptions } from '../../http/options/resolve.ts'
export type { RequestSession, SessionOf } from '../../http/request-session.ts'
export type { ProxyHandler } from './proxy.ts'

/** The options of {@link nextSessions}. All of them are optional. */
export interface NextOptions extends HttpOptions {
  /**
   * A function that returns the address of the client, which Next does not provide. It gets the headers of the request. Read
   * the address from a header that your proxy or host always sets. Do not trust `X-Forwarded-For` otherwise, because any client can send it.
   * @defaultValue unknown
   */
  readonly ip?: ClientAddress
  /** A name that distinguishes several `nextSessions` of one application, 1 to 255 characters. @defaultValue 'sessions' */
  readonly name?: string
}

/** A Route Handler of Next. */
export type RouteHandler<Context> = (request: NextRequest, context: Context) => Promise<Response>

/** Sessions for the App Router of Next. {@link nextSessions} makes them. */
export interface NextSessions<Claims extends object, Data> {
  /**
   * Returns the sessions themselves, made at first use: for `sessions.list(userId)` and the like.
   * @throws the error of `createSessions`, if the sessions cannot be made
   */
  sessions(): Promise<Sessions<Claims, Data>>
  /**
   * Turns a handler that takes a session into a Route Handler. Pawl answers the errors of Pawl that it throws; Next handles
   * all others.
   * @param require the requirements of the handler. If you give it, every request needs a session
   * @throws InvalidOptionsError for an unknown or wrong requirement
   * @throws TypeError if `handler` is not a function
   */
  route<Context = unknown>(
    handler: (
      session: RequestSession<Claims, Data>,
      request: NextRequest,
      context: Context,
    ) => Response | Promise<Response>,
    require?: RequireOptions,
  ): RouteHandler<Context>
  /**
   * Turns a function that takes a session into a Server Action. Pawl sets the cookies of a login or logout however the
   * action ends, also by `redirect()`. The action rejects with `CsrfRejectedError` for a forged request, and with a
   * `SessionsError` for a request that does not meet `require`.
   * @param require the requirements of the action, without `csrf`. If you give it, every call needs a session
   * @throws InvalidOptionsError for an unknown or wrong requirement, and for `csrf: true`
   * @throws TypeError if `act` is not a function
   */
  action<Args extends unknown[], Result>(
    act: (session: RequestSession<Claims, Data>, ...args: Args) => Result,
    require?: RequireOptions,
  ): (...args: Args) => Promise<Awaited<Result>>
  /**
   * Reads the session in a Server Component, in `generateMetadata` and in other code that cannot set cookies. Pawl verifies
   * it and never refreshes it; `proxy` has done so before. With `revocation.mode: 'lookup'` each call reads the row. The page
   * becomes dynamic.
   * @returns null without a session
   * @throws TryAgainError, StoreUnavailableError or SecretUnknownError if Pawl cannot tell now whether there is a session
   */
  read(): Promise<VerifiedSession<Claims> | null>
  /**
   * Makes the function for `proxy.ts`. It answers Pawl's own routes, and refuses cross-site requests that may change state. It
   * redirects page loads with an expired access token through the refresh route. With `refresh: 'inline'` it refreshes
   * itself: it then redirects a page load to the same URL, and an action continues at once.
   * @param handler your own part of the proxy. Pawl does not call it for a request that it has answered
   * @throws TypeError if `handler` is not a function
   */
  proxy(
    handler?: ProxyHandler<Claims, Data>,
  ): (request: NextRequest, event: NextFetchEvent) => Promise<Response>
  /** The Route Handlers of Pawl's own routes, for `app/session/[...pawl]/route.ts`. `OPTIONS` answers CORS preflights. */
  readonly handlers: Readonly<Record<'GET' | 'POST' | 'OPTIONS', RouteHandler<unknown>>>
}

/**
 * Adds sessions to the App Router of Next, in its Node.js runtime.
 * @param source a function that makes the sessions. Pawl calls it when the first request needs them, never while Next builds.
 * Sessions, or a promise of them, would also be made while Next builds
 * @param options the options of the adapter
 *
 * @example
 * export const { route, action, read, proxy, handlers } = nextSessions(() => createSessions({ … }))
 *
 * @throws InvalidOptionsError for an unknown or wrong option
 */
export function nextSessions<Claims extends object, Data>(
  source: SessionsSource<Claims, Data>,
  { name = 'sessions', ip, ...httpOptions }: NextOptions = {},
): NextSessions<Claims, Data> {
  check.text('name', name)
  const addressOf = addressFunction(ip)
  const options = resolveHttpOptions(httpOptions)
  const fingerprint = JSON.stringify({
    ...options,
    trustedOrigins: options.trustedOrigins instanceof Set ? [...options.trustedOrigins].sort() : 'a function',
    cronSecret: options.cronSecret !== null,
    protocol: options.protocol !== null,
    ip: ip !== undefined,
  })
  const start = shareByName(name, fingerprint, source, httpOptions)
  const setup: Setup<Claims, Data> = { options, ip: addressOf, start }

  const nextSessions: NextSessions<Claims, Data> = {
    sessions: async () => (await startOrThrow(start)).sessions,
    route(handler, require) {
      assertHandler('route((session, request) => …)', handler)
      if (require !== undefined) checkRequire(require)
      return (request, context) =>
        runRoute(setup, request, require, (session) => handler(session, request, context))
    },
    action(act, require) {
      assertHandler('action((session) => …)', act)
      if (require !== undefined) checkRequire(require)
      if (require?.csrf === true)
        check.fail(
          'csrf',
          true,
          'false for a Server Action, whose request carries no header of yours; call `session.requireCsrfToken(token)` with the token of a form field',
        )
      return (...args) => runAction(setup, require, (session) => act(session, ...args))
    },
    async read() {
      // First of all: at build time, without a database, this ends Next's attempt to render.
      const sent = await sentHeaders()
      const { http, actions } = await startOrThrow(start)
      const action = actions.get(sent)
      if (action !== undefined) return action.session.current
      return http.readAsync({ header: clientHeaders({ get: (name) => sent.get(name) }) })
    },
    proxy(handler) {
      if (handler !== undefined) assertHandler('proxy()', handler)
      return (request, event) => runProxy(setup, request, event, handler)
    },
    handlers: { GET: serveRoutes, POST: serveRoutes, OPTIONS: serveRoutes },
  }

  function serveRoutes(request: NextRequest): Promise<Response> {
    return runRoute(setup, request, undefined, () => new Response(null, { status: 404 }))
  }
  return nextSessions
}
