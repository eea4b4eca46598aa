import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ArgumentsHost } from '@nestjs/common'
import type { Sessions } from '../core/api.ts'
import type { ClaimsObject } from '../core/claims.ts'
import { addName, type Exchange, type Reply } from '../http/exchange.ts'
import type { SessionsOverHttp } from '../http/http.ts'
import type { RequestSession } from '../http/request-session.ts'
import { writeReply } from './node-exchange.ts'

/** Where guards, filters and decorators find what the middleware opened. */
export const opened: unique symbol = Symbol('pawl.opened')

export interface OpenedRequest {
  readonly sessions: unknown
  readonly http: SessionsOverHttp<ClaimsObject, unknown>
  readonly exchange: Exchange
  readonly session: RequestSession<ClaimsObject, unknown>
}

/** A request as middleware sees it: of Express, or the one below Fastify's, with what @fastify/middie copies to it. */
export interface PlatformRequest extends IncomingMessage {
  readonly originalUrl?: string
  readonly protocol?: string
  readonly ip?: string
  readonly body?: unknown
  [opened]?: OpenedRequest
}

/** What a filter gets to answer with on Fastify, as far as Pawl looks; elsewhere it is node's own. */
interface FastifyReply {
  readonly raw: ServerResponse
  code(status: number): unknown
  getHeader(name: string): number | string | string[] | undefined
  header(name: string, value: string): unknown
  send(body?: Uint8Array): unknown
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
  const found = openedOf(request)
  if (found === undefined || found.sessions !== sessions)
    throw new TypeError('import SessionsModule, with the same sessions, before using sessionOf()')
  return found.session as unknown as RequestSession<Claims, Data>
}

/** Answers past `HttpAdapter.reply`, which changes types and adds an ETag. */
export function writeAnswer(response: ServerResponse | FastifyReply, reply: Reply): void {
  if (!('raw' in response)) writeReply(response, reply)
  else if (response.raw.headersSent) response.raw.destroy()
  else sendReply(response, reply)
}

function sendReply(response: FastifyReply, { status, headers, body }: Reply): void {
  response.code(status)
  for (const [name, value] of headers) {
    const begun = name === 'vary' ? response.getHeader(name)?.toString() : undefined
    response.header(name, begun === undefined ? value : value.split(', ').reduce(addName, begun))
  }
  // As bytes, because Fastify adds a charset to the type of a text.
  response.send(body === null ? undefined : Buffer.from(body))
}
