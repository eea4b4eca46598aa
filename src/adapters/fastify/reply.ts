import type { FastifyReply, HookHandlerDoneFunction } from 'fastify'
import type { Reply } from '../../http/exchange.ts'
import { isPromise } from '../../portable/is-promise.ts'
import { send } from '../shared/fastify-send.ts'
import { writeReply } from '../shared/node-exchange.ts'

/** Ends a hook: sends the answer, or continues if there is none. @returns the value the hook must return */
export function finishHook(
  answer: Reply | null | Promise<Reply | null>,
  reply: FastifyReply,
  done: HookHandlerDoneFunction,
): Promise<unknown> | undefined {
  // A hook that returns a promise must not call `done`.
  if (isPromise(answer)) {
    return answer.then((resolved) => {
      if (resolved === null) return undefined
      send(reply, resolved)
      return reply
    })
  }
  if (answer === null) done()
  else send(reply, answer)
  return undefined
}

/**
 * Answers in an `onError` hook, which runs before every error handler. Such a hook must not send, and after its
 * `done` the application's error handler would run. So the answer goes past `reply`, with the headers of `reply`.
 */
export function sendInstead(reply: FastifyReply, answer: Reply): void {
  const { raw } = reply.hijack()
  for (const [name, value] of raw.headersSent ? [] : Object.entries(reply.getHeaders())) {
    if (value !== undefined) raw.setHeader(name, value)
  }
  writeReply(raw, answer)
}
