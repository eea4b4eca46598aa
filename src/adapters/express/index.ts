import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  checkRequire,
  type RequireOptions,
  type SessionsSource,
  sessionsOverHttp,
  whenReady,
} from '../../http/http.ts'
import type { HttpOptions } from '../../http/options/resolve.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { assertCalled } from '../../http/uncalled.ts'
import { attachedOf, requireAttached, sessionIn } from '../shared/attached-session.ts'
import { writeReply } from '../shared/node-exchange.ts'
import { type NodeMiddleware, passErrors, sessionMiddleware } from '../shared/node-middleware.ts'

export type { RequireOptions } from '../../http/http.ts'
export type { CookieOptions, HttpOptions } from '../../http/options/resolve.ts'
export type { RequestSession, SessionOf } from '../../http/request-session.ts'

/** Middleware for Express 4 and 5, without their types. */
export type Middleware = NodeMiddleware
/** Error-handling middleware for Express 4 and 5, without their types. */
export type ErrorMiddleware = (
  error: unknown,
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void

/** The properties of Express' request that Pawl uses. */
interface ExpressRequest extends IncomingMessage {
  readonly originalUrl?: string
  readonly baseUrl?: string
  readonly protocol?: string
  readonly ip?: string
  readonly body?: unknown
  session?: unknown
}

const ADVICE = 'mount expressSessions(sessions)'

/**
 * Makes the middleware that adds sessions to Express 4 and 5. It sets `req.session`, serves the refresh and logout routes,
 * and refuses cross-site requests that may change state. Mount it before everything that uses a session.
 *
 * @example
 * app.use(expressSessions(sessions))
 * app.get('/me', requireSession(), (req, res) => {
 *   res.json({ id: sessionOf(req, sessions).userId })
 * })
 *
 * @throws InvalidOptionsError for an unknown or wrong option
 * @throws TypeError if `sessions` are neither sessions, nor a promise of them, nor a function that makes them
 */
export function expressSessions<Claims extends object, Data>(
  sessions: SessionsSource<Claims, Data>,
  options?: HttpOptions,
): Middleware {
  return sessionMiddleware(
    sessions,
    sessionsOverHttp(sessions, options, 'expressSessions'),
    { name: 'expressSessions', versions: 'Express 4 and 5' },
    (req: ExpressRequest, session) => {
      req.session = session
    },
  )
}

/**
 * Makes middleware that lets only requests with a session through. It answers any other request with 401 and a code. A page
 * load with an expired access token is redirected through the refresh route.
 * @param uncalled nothing: the compiler refuses `requireSession` without its call
 * @throws InvalidOptionsError for an unknown or wrong requirement
 * @throws TypeError if it is mounted without its call
 */
export function requireSession(options: RequireOptions = {}, ...uncalled: undefined[]): Middleware {
  assertCalled('requireSession()', uncalled)
  checkRequire(options)
  return function pawlRequireSession(req, res, next) {
    passErrors(() => {
      const { http, session } = requireAttached(req, ADVICE)
      return whenReady(http.authorize(session, options), (reply) => {
        if (reply === null) next()
        else writeReply(res, reply)
      })
    }, next)
  }
}

/**
 * Makes error-handling middleware that answers the errors of Pawl that handlers throw, for example by reading
 * `req.session.userId` without a session. It passes any other error on. Mount it after the routes and before other error
 * handlers.
 * @param uncalled nothing: the compiler refuses `sessionErrors` without its call
 * @throws TypeError if it is mounted without its call
 */
export function sessionErrors(...uncalled: undefined[]): ErrorMiddleware {
  assertCalled('sessionErrors()', uncalled)
  return function pawlSessionErrors(error, req, res, next) {
    const found = attachedOf(req)
    const reply = found?.http.answer(found.session, error) ?? null
    if (reply === null) next(error)
    else writeReply(res, reply)
  }
}

/**
 * Returns the session of a request, with the types of the claims and data of `sessions`. It is the same object as
 * `req.session`.
 * @throws TypeError if `expressSessions(sessions)` is not mounted before, or has other sessions
 */
export function sessionOf<Claims extends object, Data>(
  req: IncomingMessage,
  sessions: SessionsSource<Claims, Data>,
): RequestSession<Claims, Data> {
  return sessionIn(attachedOf(req), sessions, ADVICE)
}
