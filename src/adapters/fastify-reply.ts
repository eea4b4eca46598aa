import type { FastifyReply, HookHandlerDoneFunction } from 'fastify'
import { addName, type Reply } from '../http/exchange.ts'
import { writeReply } from './node-exchange.ts'

/** Ends a hook: with an answer of Pawl's, or, with null, by going on. @returns what the hook has to return */
export function settle(
  answer: Reply | null | Promise<Reply | null>,
  reply: FastifyReply,
  done: HookHandlerDoneFunction,
): Promise<unknown> | undefined {
  // A promise takes the place of `done`.
  if (answer instanceof Promise) return answer.then((late) => (late === null ? undefined : send(reply, late)))
  if (answer === null) done()
  else send(reply, answer)
  return undefined
}

function send(reply: FastifyReply, { status, headers, body }: Reply): FastifyReply {
  reply.code(status)
  for (const [name, value] of headers) {
    const begun = name === 'vary' ? reply.getHeader(name)?.toString() : undefined
    reply.header(name, begun === undefined ? value : value.split(', ').reduce(addName, begun))
  }
  // As bytes, because Fastify adds a charset to the type of a text.
  return reply.send(body === null ? undefined : Buffer.from(body))
}

/**
 * Answers in an `onError` hook, which comes before every error handler. It must not send, and what its `done`
 * lets through reaches the application's error handler; so the answer goes past `reply`, with its headers.
 */
export function sendInstead(reply: FastifyReply, answer: Reply): void {
  const { raw } = reply.hijack().removeHeader('content-length')
  for (const [name, value] of raw.headersSent ? [] : Object.entries(reply.getHeaders())) {
    if (value !== undefined) raw.setHeader(name, value)
  }
  writeReply(raw, answer)
}
