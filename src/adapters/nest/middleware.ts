import type { ServerResponse } from 'node:http'
import type { Opened, SessionsOverHttp } from '../../http/http.ts'
import type { ClaimsObject } from '../../portable/claims.ts'
import { NodeExchange, writeReply } from '../shared/node-exchange.ts'
import { opened, type PlatformRequest } from './request.ts'

/** Fits Express and @fastify/middie. */
export type Middleware = (req: PlatformRequest, res: ServerResponse, next: (error?: unknown) => void) => void

/** Opens every request, and answers those that are Pawl's own. */
export function sessionsMiddleware(
  sessions: unknown,
  http: SessionsOverHttp<ClaimsObject, unknown>,
): Middleware {
  return function pawlSessions(req, res, next) {
    const exchange = new NodeExchange(req, res, req)
    const proceed = ({ reply, session }: Opened<ClaimsObject, unknown>): void => {
      if (reply !== undefined) {
        writeReply(res, reply)
        return
      }
      req[opened] = { sessions, http, exchange, session }
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
