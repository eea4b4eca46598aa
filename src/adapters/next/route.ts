import type { NextRequest } from 'next/server.js'
import type { Reply } from '../../http/exchange.ts'
import { type RequireOptions, settling } from '../../http/http.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { type FetchExchange, toResponse } from '../shared/fetch-exchange.ts'
import { setCookies } from './cookies.ts'
import { requestExchange } from './exchange.ts'
import { HANDOVER_HEADER } from './handover.ts'
import type { Setup } from './setup.ts'
import { startOrReply } from './start.ts'

/** Answers the request of a Route Handler. */
export async function runRoute<Claims extends object, Data>(
  setup: Setup<Claims, Data>,
  request: NextRequest,
  require: RequireOptions | undefined,
  handler: (session: RequestSession<Claims, Data>) => Response | Promise<Response>,
): Promise<Response> {
  // First of all: at build time, without a database, reading the request ends Next's attempt to render the route.
  const exchange = requestExchange(request, setup)
  const finish = (reply: Reply): Response => exchange.finish(toResponse(reply))
  const arrivedAt = performance.now()
  const started = await startOrReply(setup, exchange)
  if ('reply' in started) return finish(started.reply)
  const { http, handover } = started
  return settling(http, async () => {
    const { reply, session } = await http.handle(exchange, performance.now() - arrivedAt)
    if (reply !== undefined) return finish(reply)
    const renewed = handover.take(request.headers.get(HANDOVER_HEADER))
    if (renewed !== null) session.responseCookies.set(renewed.cookies, renewed.until)
    const refused = require === undefined ? null : await http.authorize(session, require)
    if (refused !== null) return finish(refused)
    try {
      return exchange.finish(await handler(session))
    } catch (error) {
      const answer = http.answer(session, error)
      if (answer !== null) return finish(answer)
      await passCookiesToNext(exchange)
      throw error
    }
  })
}

/** `redirect()` and `notFound()` throw. Next then answers itself, with the cookies set through its own API. */
async function passCookiesToNext(exchange: FetchExchange): Promise<void> {
  const { headers } = exchange.finish(new Response(null))
  try {
    await setCookies(headers.getSetCookie())
  } catch {
    // Outside of Next, in a unit test for example. The error of the handler is the one to report.
  }
}
