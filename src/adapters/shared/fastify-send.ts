import type { Reply } from '../../http/exchange.ts'
import { BODY_HEADERS, writeHead } from '../../http/reply.ts'

/** The part of Fastify's reply that Pawl uses. Structural, because the Nest adapter works without Fastify's types. */
export interface FastifyReplyLike {
  code(status: number): unknown
  getHeader(name: string): number | string | string[] | undefined
  header(name: string, value: string): unknown
  removeHeader(name: string): unknown
  send(body?: Uint8Array): unknown
}

export function send(reply: FastifyReplyLike, { status, headers, body }: Reply): void {
  reply.code(status)
  for (const name of BODY_HEADERS) reply.removeHeader(name)
  // Fastify appends cookies and replaces all other headers.
  const set = (name: string, value: string): unknown => reply.header(name, value)
  writeHead({ get: (name) => reply.getHeader(name)?.toString(), set, append: set }, headers)
  // As bytes, because Fastify adds a charset to the type of text.
  reply.send(body === null ? undefined : Buffer.from(body))
}
