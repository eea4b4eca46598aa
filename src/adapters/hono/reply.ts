import type { Context } from 'hono'
import type { Reply } from '../../http/exchange.ts'
import { BODY_HEADERS } from '../../http/reply.ts'
import { toResponse } from '../shared/fetch-exchange.ts'

/** Answers with Pawl's reply. Headers that the application has already set stay. */
export function respond(c: Context, reply: Reply): void {
  const begun = new Headers(c.res.headers)
  for (const name of BODY_HEADERS) begun.delete(name)
  replace(c, toResponse(reply, begun))
}

/** Hono merges the head of the previous response into the new one, so the previous one is removed first. */
export function replace(c: Context, response: Response): void {
  if (c.res === response) return
  c.res = undefined
  c.res = response
}
