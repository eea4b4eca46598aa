import type { Context, Env, ErrorHandler, MiddlewareHandler } from 'hono'
import type { WaitUntil } from '../../core/on-demand.ts'
import {
  checkRequire,
  type RequireOptions,
  type SessionsSource,
  sessionsOverHttp,
  settling,
} from '../../http/http.ts'
import type { HttpOptions } from '../../http/options/resolve.ts'
import type { RequestSession, SessionOf } from '../../http/request-session.ts'
import { assertCalled, assertHandler } from '../../http/uncalled.ts'
import { assertFramework } from '../shared/assert-framework.ts'
import { attach, attachedOf, requireAttached, sessionIn } from '../shared/attached-session.ts'
import { addressFunction } from '../shared/client-address.ts'
import { fetchExchange } from '../shared/fetch-exchange.ts'
import { replace, respond } from './reply.ts'

export type { RequireOptions } from '../../http/http.ts'
export type { CookieOptions, HttpOptions } from '../../http/options/resolve.ts'
export type { RequestSession, SessionOf } from '../../http/request-session.ts'

/** The options of {@link honoSessions}. All of them are optional. */
export interface HonoOptions extends HttpOptions {
  /**
   * A function that returns the address of the client. If it throws, Pawl emits a process warning.
   * @defaultValue on Node.js the address at the other end of the socket, elsewhere unknown
   */
  readonly ip?: (c: Context) => string | undefined
}

/** The environment that types `c.var.session`: `new Hono<SessionEnv<typeof sessions>>()`. */
export type SessionEnv<S> = {
  /** The variables of the context. */
  Variables: {
    /** The session of the request. */
    session: SessionOf<S>
  }
}

const ADVICE = 'mount honoSessions(sessions)'
const VERSIONS = 'Hono 4'

/** The bindings of `@hono/node-server` that Pawl uses. */
interface NodeBindings {
  readonly server?: NodeBindings
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: unknown } }
}

/**
 * Makes the middleware that adds sessions to Hono 4. It sets `c.var.session`, serves the refresh and logout routes, and
 * refuses cross-site requests that may change state. It also answers the errors of Pawl that handlers throw. Mount it
 * before everything that uses a session.
 * @param options the options of the adapter
 *
 * @example
 * const app = new Hono<SessionEnv<typeof sessions>>()
 * app.use(honoSessions(sessions))
 * app.get('/me', requireSession(), (c) => c.json({ id: c.var.session.userId }))
 *
 * @throws InvalidOptionsError for an unknown or wrong option
 * @throws TypeError if `sessions` are neither sessions, nor a promise of them, nor a function that makes them
 */
export function honoSessions<Claims extends object, Data>(
  sessions: SessionsSource<Claims, Data>,
  { ip, ...options }: HonoOptions = {},
): MiddlewareHandler<{ Variables: { session: RequestSession<Claims, Data> } }> {
  const addressOf = addressFunction(ip)
  const http = sessionsOverHttp(sessions, options, 'honoSessions')

  return async function pawlSessions(c, next) {
    const isContext = typeof c?.req?.raw?.headers?.get === 'function'
    assertFramework(isContext && typeof next === 'function', 'honoSessions', VERSIONS)
    const { raw } = c.req
    const peer = peerOf(c)
    // Hono keeps a body that was already read.
    const json = raw.bodyUsed ? () => c.req.json<unknown>().catch(() => undefined) : undefined
    // Read at once, because it changes with each handler.
    const { routeIndex } = c.req
    const mountPath = (): string | undefined => mountPathOf(c, routeIndex)
    const exchange = fetchExchange(raw, { ip: addressOf?.(c) ?? peer, peer, json, mountPath })
    await settling(
      http,
      async () => {
        const { reply, session } = await http.handle(exchange)
        if (reply !== undefined) {
          respond(c, reply)
        } else {
          c.set('session', session)
          attach(c, sessions, http, session)
          try {
            await next()
          } catch (error) {
            if (!answerError(c, error)) throw error
          }
          // The application's error handler has already answered. Pawl's answer replaces that one.
          if (c.error !== undefined) answerError(c, c.error)
        }
      },
      waitUntilOf(c),
    )
    // If no handler has answered, Hono reports it.
    if (c.finalized) replace(c, exchange.finish(c.res))
  }
}

/**
 * Makes middleware that lets only requests with a session through. It answers any other request with 401 and a code. A page
 * load with an expired access token is redirected through the refresh route.
 * @param uncalled nothing: the compiler refuses `requireSession` without its call
 * @throws InvalidOptionsError for an unknown or wrong requirement
 * @throws TypeError if it is mounted without its call
 */
export function requireSession(options: RequireOptions = {}, ...uncalled: undefined[]): MiddlewareHandler {
  assertCalled('requireSession()', uncalled)
  checkRequire(options)
  return async function pawlRequireSession(c, next) {
    const { http, session } = requireAttached(c, ADVICE)
    const reply = await http.authorize(session, options)
    if (reply === null) await next()
    else respond(c, reply)
  }
}

/**
 * Makes an error handler that answers the errors of Pawl and passes all others to your own handler. Without it, Hono calls
 * your handler for errors of Pawl too.
 *
 * @example
 * app.onError(sessionErrors((error, c) => {
 *   report(error)
 *   return c.text('Sorry', 500)
 * }))
 *
 * @throws TypeError if `onError` is not a function
 */
export function sessionErrors<E extends Env>(onError: ErrorHandler<E>): ErrorHandler<E> {
  assertHandler('app.onError(sessionErrors((error, c) => …))', onError)
  return function pawlSessionErrors(error, c) {
    return answerError(c, error) ? c.res : onError(error, c)
  }
}

/**
 * Returns the session of a request, with the types of the claims and data of `sessions`. It is the same object as
 * `c.var.session`.
 * @throws TypeError if `honoSessions(sessions)` is not mounted before, or has other sessions
 */
export function sessionOf<Claims extends object, Data>(
  c: Context,
  sessions: SessionsSource<Claims, Data>,
): RequestSession<Claims, Data> {
  return sessionIn(attachedOf(c), sessions, ADVICE)
}

/** @returns whether the error is Pawl's; the application then sees none */
function answerError(c: Context, error: unknown): boolean {
  const found = attachedOf(c)
  const reply = found?.http.answer(found.session, error) ?? null
  if (reply === null) return false
  respond(c, reply)
  c.error = undefined
  return true
}

/** That of a platform with an execution context, such as Workers. Hono throws if there is none. */
function waitUntilOf(c: Context): WaitUntil | undefined {
  try {
    const { executionCtx } = c
    return (promise) => executionCtx.waitUntil(promise)
  } catch {
    return undefined
  }
}

/** The path before the wildcard of a route; undefined for another pattern. */
function mountPathOf(c: Context, routeIndex: number): string | undefined {
  return /^([^*:{]*)\/\*$/.exec(c.req.matchedRoutes[routeIndex]?.path ?? '')?.[1]
}

/** The address at the other end of a socket of Node.js. */
function peerOf(c: Context): string | undefined {
  const bindings = c.env as NodeBindings | undefined
  const address = (bindings?.server ?? bindings)?.incoming?.socket?.remoteAddress
  return typeof address === 'string' ? address : undefined
}
