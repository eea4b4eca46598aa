import type { ServerResponse } from 'node:http'
import type { Reply } from '../../http/exchange.ts'
import { BODY_HEADERS, writeHead } from '../../http/reply.ts'

/** The part of Fastify's reply that Pawl uses. Structural, because the Nest adapter works without Fastify's types. */
export interface FastifyReplyLike {
  code(status: number): unknown
  getHeader(name: string): number | string | string[] | undefined
  getHeaders(): object
  header(name: string, value: string): unknown
  removeHeader(name: string): unknown
  send(body?: Uint8Array): unknown
  readonly raw: Pick<ServerResponse, 'removeHeader'>
}

export function send(reply: FastifyReplyLike, { status, headers, body }: Reply): void {
  reply.code(status)
  // Middleware may have set a header on the response of Node.js.
  const remove = (name: string): void => {
    reply.removeHeader(name)
    reply.raw.removeHeader(name)
  }
  for (const name of BODY_HEADERS) remove(name)
  // Fastify appends cookies and replaces all other headers.
  const set = (name: string, value: string): unknown => reply.header(name, value)
  const get = (name: string): string | undefined => reply.getHeader(name)?.toString()
  writeHead({ get, set, append: set, names: () => Object.keys(reply.getHeaders()), remove }, headers)
  // As bytes, because Fastify adds a charset to the type of text.
  reply.send(body === null ? undefined : Buffer.from(body))
}
