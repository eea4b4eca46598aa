import type { ServerResponse } from 'node:http'
import type { ArgumentsHost } from '@nestjs/common'
import type { Reply } from '../../http/exchange.ts'
import type { SessionsSource } from '../../http/http.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { type AttachedSession, attachedOf, sessionIn } from '../shared/attached-session.ts'
import { type FastifyReplyLike, send } from '../shared/fastify-send.ts'
import { writeReply } from '../shared/node-exchange.ts'

/** The part of Fastify's reply that an answer needs. On Express the reply is Node's own. */
interface FastifyReply extends FastifyReplyLike {
  readonly raw: ServerResponse
}

/** On Fastify the middleware sees the request of Node.js, `raw`. */
function attachedTo(request: unknown): AttachedSession | undefined {
  if (typeof request !== 'object' || request === null) return undefined
  const { raw } = request as { readonly raw?: object }
  return attachedOf(request) ?? (raw === undefined ? undefined : attachedOf(raw))
}

/** The session of the request that a handler runs for; undefined if there is none. GraphQL keeps the request in its context. */
export function attachedIn(host: ArgumentsHost): AttachedSession | undefined {
  switch (host.getType<string>()) {
    case 'http':
      return attachedTo(host.switchToHttp().getRequest())
    case 'graphql':
      return attachedTo(host.getArgByIndex<{ req?: unknown } | undefined>(2)?.req)
    default:
      return undefined
  }
}

/** @throws TypeError for microservices and gateways, and without the module */
export function sessionForHandler(host: ArgumentsHost): AttachedSession {
  const found = attachedIn(host)
  if (found !== undefined) return found
  const type = host.getType<string>()
  throw new TypeError(
    type === 'http' || type === 'graphql'
      ? 'import SessionsModule.forRoot(sessions) before using the sessions of requests'
      : `a handler of the type '${type}' has no HTTP request, and so no session of one`,
  )
}

/**
 * Returns the session of a request of Express or Fastify, with the types of the claims and data of `sessions`. Use it in
 * middleware, guards and interceptors.
 * @throws TypeError if the module is not imported, or has other sessions
 */
export function sessionOf<Claims extends object, Data>(
  request: object,
  sessions: SessionsSource<Claims, Data>,
): RequestSession<Claims, Data> {
  return sessionIn(attachedTo(request), sessions, 'import SessionsModule')
}

/** Answers without `HttpAdapter.reply`, which changes content types and adds an ETag. */
export function writeAnswer(response: ServerResponse | FastifyReply, reply: Reply): void {
  if (!('raw' in response)) writeReply(response, reply)
  else if (response.raw.headersSent) response.raw.destroy()
  else send(response, reply)
}
