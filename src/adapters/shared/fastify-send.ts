import { HEADERS_OF_BODY, type Reply, writeHead } from '../../http/exchange.ts'

/** A reply of Fastify, as far as an answer needs it; Nest knows it without the types of Fastify. */
export interface FastifyReplyLike {
  code(status: number): unknown
  getHeader(name: string): number | string | string[] | undefined
  header(name: string, value: string): unknown
  removeHeader(name: string): unknown
  send(body?: Uint8Array): unknown
}

export function send(reply: FastifyReplyLike, { status, headers, body }: Reply): void {
  reply.code(status)
  for (const name of HEADERS_OF_BODY) reply.removeHeader(name)
  // Of cookies, and of nothing else, Fastify keeps those that were set before.
  const set = (name: string, value: string): unknown => reply.header(name, value)
  writeHead({ get: (name) => reply.getHeader(name)?.toString(), set, append: set }, headers)
  // As bytes, because Fastify adds a charset to the type of a text.
  reply.send(body === null ? undefined : Buffer.from(body))
}
