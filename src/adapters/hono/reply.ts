import type { Context } from 'hono'
import { HEADERS_OF_BODY, type Reply } from '../../http/exchange.ts'
import { toResponse } from '../shared/fetch-exchange.ts'

/** Answers with a reply of Pawl's own; the head that others have begun stays. */
export function respond(c: Context, reply: Reply): void {
  const begun = new Headers(c.res.headers)
  for (const name of HEADERS_OF_BODY) begun.delete(name)
  replace(c, toResponse(reply, begun))
}

/** Set alone, a response would get the head of the one before, and lose its own cookies to it. */
export function replace(c: Context, response: Response): void {
  if (c.res === response) return
  c.res = undefined
  c.res = response
}
