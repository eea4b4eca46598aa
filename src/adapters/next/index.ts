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

export interface NextOptions extends HttpOptions {
  /**
   * The client's address, which Next does not provide: from a header that your proxy or host always sets.
   * `X-Forwarded-For` alone is not trusted, because any client can send it. @defaultValue unknown
   */
  readonly ip?: ClientAddress
  /** Distinguishes several `nextSessions` of one application. @defaultValue 'sessions' */
  readonly name?: string
}

/** A Route Handler of Next. */
export type RouteHandler<Context> = (request: NextRequest, context: Context) => Promise<Response>

export interface NextSessions<Claims extends object, Data> {
  /** The sessions themselves, made on first use: for `sessions.list(userId)` and the like. */
  sessions(): Promise<Sessions<Claims, Data>>
  /**
   * A Route Handler with a session. Errors of Pawl that it throws are answered, all others are Next's.
   * @param require makes every request need a session
   * @throws InvalidOptionsError
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
   * A Server Action with a session. The cookies of a login or logout are set however the action ends, also by
   * `redirect()`. Errors of Pawl are thrown: CsrfRejectedError, and those of a request that does not meet `require`.
   * @throws InvalidOptionsError
   */
  action<Args extends unknown[], Result>(
    act: (session: RequestSession<Claims, Data>, ...args: Args) => Result,
    require?: RequireOptions,
  ): (...args: Args) => Promise<Awaited<Result>>
  /**
   * The session of a Server Component, of `generateMetadata` and of other code that cannot set cookies, or null.
   * It is verified and never refreshed; `proxy` does that before. With `revocation.mode: 'lookup'` each call
   * reads the row. The page becomes dynamic.
   */
  read(): Promise<VerifiedSession<Claims> | null>
  /**
   * For `proxy.ts`: redirects page loads with an expired access token through the refresh route. With
   * `refresh: 'inline'` it renews the token itself; a page load is then redirected to the same URL, and an action
   * continues at once. Answers Pawl's own routes, and refuses cross-site requests that may change state.
   * @param handler the application's own part; not called for a request that Pawl has answered
   */
  proxy(
    handler?: ProxyHandler<Claims, Data>,
  ): (request: NextRequest, event: NextFetchEvent) => Promise<Response>
  /** Pawl's own routes, for `app/session/[...pawl]/route.ts`. `OPTIONS` is for pages of `trustedOrigins`. */
  readonly handlers: Readonly<Record<'GET' | 'POST' | 'OPTIONS', RouteHandler<unknown>>>
}

/**
 * Sessions for the App Router of Next, in its Node.js runtime.
 *
 * @param source a function that makes the sessions when the first request needs them, never while Next builds. Sessions
 * and a promise of them are made with the module, also while Next builds
 *
 * @example
 * export const { route, action, read, proxy, handlers } = nextSessions(() => createSessions({ … }))
 *
 * @throws InvalidOptionsError
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
