import type { NextRequest } from 'next/server.js'
import type { Reply } from '../../http/exchange.ts'
import type { RequireOptions } from '../../http/http.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { type FetchExchange, toResponse } from '../shared/fetch-exchange.ts'
import { setCookies } from './cookies.ts'
import { requestExchange } from './exchange.ts'
import { HANDOVER_HEADER } from './handover.ts'
import type { Parts } from './parts.ts'
import { startOrReply } from './start.ts'

/** Answers the request of a Route Handler. */
export async function runRoute<Claims extends object, Data>(
  parts: Parts<Claims, Data>,
  request: NextRequest,
  require: RequireOptions | undefined,
  handler: (session: RequestSession<Claims, Data>) => Response | Promise<Response>,
): Promise<Response> {
  // Before anything else: at build time, where there is no database, a look at the request ends the attempt
  // to answer it.
  const exchange = requestExchange(request, parts)
  const finish = (reply: Reply): Response => exchange.finish(toResponse(reply))
  const started = await startOrReply(parts.start)
  if ('reply' in started) return finish(started.reply)
  const { http, handover } = started
  const { reply, session } = await http.open(exchange)
  if (reply !== undefined) return finish(reply)
  const renewed = handover.take(request.headers.get(HANDOVER_HEADER))
  if (renewed !== null) session.takeCookies(renewed)
  const refused = require === undefined ? null : await http.refuse(exchange, session, require)
  if (refused !== null) return finish(refused)
  try {
    return exchange.finish(await handler(session))
  } catch (error) {
    const answer = http.answer(exchange, session, error)
    if (answer !== null) return finish(answer)
    await leaveCookies(exchange)
    throw error
  }
}

/** `redirect()` and `notFound()` throw. Next makes the answer of it, with the cookies it knows of. */
async function leaveCookies(exchange: FetchExchange): Promise<void> {
  const { headers } = exchange.finish(new Response(null))
  try {
    await setCookies(headers.getSetCookie())
  } catch {
    // Outside of Next, in a test of the handler say. The error of the handler is the one to hear of.
  }
}
