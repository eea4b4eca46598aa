import type { FastifyReply, HookHandlerDoneFunction } from 'fastify'
import type { Reply } from '../../http/exchange.ts'
import { send } from '../shared/fastify-send.ts'
import { writeReply } from '../shared/node-exchange.ts'

/** Ends a hook: with an answer of Pawl's, or, with null, by going on. @returns what the hook has to return */
export function settle(
  answer: Reply | null | Promise<Reply | null>,
  reply: FastifyReply,
  done: HookHandlerDoneFunction,
): Promise<unknown> | undefined {
  // A promise takes the place of `done`.
  if (answer instanceof Promise) {
    return answer.then((late) => {
      if (late === null) return undefined
      send(reply, late)
      return reply
    })
  }
  if (answer === null) done()
  else send(reply, answer)
  return undefined
}

/**
 * Answers in an `onError` hook, which comes before every error handler. It must not send, and what its `done`
 * lets through reaches the application's error handler; so the answer goes past `reply`, with its headers.
 */
export function sendInstead(reply: FastifyReply, answer: Reply): void {
  const { raw } = reply.hijack()
  for (const [name, value] of raw.headersSent ? [] : Object.entries(reply.getHeaders())) {
    if (value !== undefined) raw.setHeader(name, value)
  }
  writeReply(raw, answer)
}
