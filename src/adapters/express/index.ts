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

/** Fits Express 4 and 5 without their types. */
export type Middleware = NodeMiddleware
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
 * Sessions for Express 4 and 5: sets `req.session`, serves the refresh and logout routes, and refuses
 * cross-site requests that may change state. Mount it before everything that uses a session.
 *
 * @example
 * app.use(expressSessions(sessions))
 * app.get('/me', requireSession(), (req, res) => {
 *   res.json({ id: sessionOf(req, sessions).userId })
 * })
 *
 * @throws InvalidOptionsError
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
 * Lets only requests with a session through. All others get 401 with a code, or, as page loads with an
 * expired access token, a redirect through the refresh route.
 * @param uncalled nothing: the compiler refuses `requireSession` without its call
 * @throws InvalidOptionsError
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
 * Answers the errors of Pawl that handlers throw, by reading `req.session.userId` without a session for
 * example. Mount it after the routes and before other error handlers.
 * @param uncalled nothing: the compiler refuses `sessionErrors` without its call
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
 * `req.session` with the types of its claims and data, which are those of `sessions`.
 * @throws TypeError when `expressSessions(sessions)` is not mounted before
 */
export function sessionOf<Claims extends object, Data>(
  req: IncomingMessage,
  sessions: SessionsSource<Claims, Data>,
): RequestSession<Claims, Data> {
  return sessionIn(attachedOf(req), sessions, ADVICE)
}
