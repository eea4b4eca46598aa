import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ArgumentsHost } from '@nestjs/common'
import type { Sessions } from '../../core/api.ts'
import type { Reply } from '../../http/exchange.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { type OpenedRequest, sessionIn } from '../shared/attached-session.ts'
import { type FastifyReplyLike, send } from '../shared/fastify-send.ts'
import { writeReply } from '../shared/node-exchange.ts'

/** Where guards, filters and decorators find what the middleware opened. */
export const opened: unique symbol = Symbol('pawl.opened')

/** A request as middleware sees it: of Express, or the one below Fastify's, with what @fastify/middie copies to it. */
export interface PlatformRequest extends IncomingMessage {
  readonly originalUrl?: string
  readonly protocol?: string
  readonly ip?: string
  readonly body?: unknown
  [opened]?: OpenedRequest
}

/** What a filter gets to answer with on Fastify, as far as Pawl looks; elsewhere it is node's own. */
interface FastifyReply extends FastifyReplyLike {
  readonly raw: ServerResponse
}

function openedOf(request: unknown): OpenedRequest | undefined {
  if (typeof request !== 'object' || request === null) return undefined
  const { [opened]: own, raw } = request as Partial<PlatformRequest> & { raw?: PlatformRequest }
  return own ?? raw?.[opened]
}

/** What was opened of the request that a handler runs for; undefined where there is none. GraphQL has it in its context. */
export function openedIn(host: ArgumentsHost): OpenedRequest | undefined {
  switch (host.getType<string>()) {
    case 'http':
      return openedOf(host.switchToHttp().getRequest())
    case 'graphql':
      return openedOf(host.getArgByIndex<{ req?: unknown } | undefined>(2)?.req)
    default:
      return undefined
  }
}

/** @throws TypeError for microservices and gateways, and without the module */
export function requestOf(host: ArgumentsHost): OpenedRequest {
  const found = openedIn(host)
  if (found !== undefined) return found
  const type = host.getType<string>()
  throw new TypeError(
    type === 'http' || type === 'graphql'
      ? 'import SessionsModule.forRoot(sessions) before using the sessions of requests'
      : `a handler of the type '${type}' has no HTTP request, and so no session of one`,
  )
}

/**
 * The session of a request, of Express or Fastify, with the types of its claims and data, which are those of
 * `sessions`: for middleware, guards and interceptors.
 * @throws TypeError when the module is not there, or has other sessions
 */
export function sessionOf<Claims extends object, Data>(
  request: object,
  sessions: Sessions<Claims, Data>,
): RequestSession<Claims, Data> {
  return sessionIn(openedOf(request), sessions, 'import SessionsModule')
}

/** Answers past `HttpAdapter.reply`, which changes types and adds an ETag. */
export function writeAnswer(response: ServerResponse | FastifyReply, reply: Reply): void {
  if (!('raw' in response)) writeReply(response, reply)
  else if (response.raw.headersSent) response.raw.destroy()
  else send(response, reply)
}
