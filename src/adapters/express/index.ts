import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Sessions } from '../../core/api.ts'
import type { Reply } from '../../http/exchange.ts'
import { checkRequire, type Opened, type RequireOptions, sessionsOverHttp } from '../../http/http.ts'
import type { HttpOptions } from '../../http/options.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { openedRequest, sessionIn } from '../shared/attached-session.ts'
import { NodeExchange, writeReply } from '../shared/node-exchange.ts'
import { type ExpressRequest, keepOpened, keptOf } from './request.ts'

export type { RequireOptions } from '../../http/http.ts'
export type { CookieOptions, HttpOptions } from '../../http/options.ts'
export type { RequestSession, SessionOf } from '../../http/request-session.ts'

/** Fits Express 4 and 5 without their types. */
export type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void
export type ErrorMiddleware = (
  error: unknown,
  req: IncomingMessage,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void

/**
 * Sessions for Express 4 and 5: sets `req.session`, serves the refresh and logout routes, and refuses
 * cross-site requests that may change state. Mount it before everything that uses a session.
 *
 * @example
 * app.use(expressSessions(sessions))
 * app.get('/me', requireSession(), (req, res) => res.json({ id: req.session.userId }))
 *
 * @throws InvalidOptionsError
 */
export function expressSessions<Claims extends object, Data>(
  sessions: Sessions<Claims, Data>,
  options?: HttpOptions,
): Middleware {
  const http = sessionsOverHttp(sessions, options)
  return function pawlSessions(req: ExpressRequest, res, next) {
    const exchange = new NodeExchange(req, res, req)
    const proceed = ({ reply, session }: Opened<Claims, Data>): void => {
      if (reply !== undefined) {
        writeReply(res, reply)
        return
      }
      keepOpened(req, openedRequest(sessions, http, exchange, session))
      next()
    }
    try {
      const result = http.open(exchange)
      if (result instanceof Promise) result.then(proceed, next)
      else proceed(result)
    } catch (error) {
      next(error)
    }
  }
}

/**
 * Lets only requests with a session through; the others get 401 with a code, or, as page loads with an
 * expired access token, a trip through the refresh route.
 * @throws InvalidOptionsError
 */
export function requireSession(options: RequireOptions = {}): Middleware {
  checkRequire(options)
  return function pawlRequireSession(req, res, next) {
    const request = keptOf(req)
    if (request === undefined)
      return next(new TypeError('mount expressSessions(sessions) before requireSession()'))
    const proceed = (reply: Reply | null): void => {
      if (reply === null) next()
      else writeReply(res, reply)
    }
    const reply = request.http.refuse(request.exchange, request.session, options)
    if (reply instanceof Promise) reply.then(proceed, next)
    else proceed(reply)
  }
}

/**
 * Answers the errors of Pawl that handlers throw, by reading `req.session.userId` without a session for
 * example. Mount it after the routes and before other error handlers.
 */
export function sessionErrors(): ErrorMiddleware {
  return function pawlSessionErrors(error, req, res, next) {
    const request = keptOf(req)
    const reply = request?.http.answer(request.exchange, request.session, error) ?? null
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
  sessions: Sessions<Claims, Data>,
): RequestSession<Claims, Data> {
  return sessionIn(keptOf(req), sessions, 'mount expressSessions(sessions)')
}
