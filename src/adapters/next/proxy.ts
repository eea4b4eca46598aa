import { type NextFetchEvent, type NextRequest, NextResponse } from 'next/server.js'
import type { Exchange, Reply } from '../../http/exchange.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { presentedAccessTokens } from '../../http/transport.ts'
import { toResponse } from '../shared/fetch-exchange.ts'
import { replaceCookies } from './cookies.ts'
import { requestExchange } from './exchange.ts'
import { HANDOVER_HEADER } from './handover.ts'
import type { Parts } from './parts.ts'
import { type Started, startOrReply } from './start.ts'

/** An application's own part of the proxy; undefined lets the request through. */
export type ProxyHandler<Claims extends object, Data> = (
  session: RequestSession<Claims, Data>,
  request: NextRequest,
  event: NextFetchEvent,
) => Response | undefined | Promise<Response | undefined>

/** Tells a request that Next makes to itself which access token its page is to be rendered with. */
const RENEWED_HEADER = 'pawl-renewed'
/** Where Next's own `NextResponse` names the headers that the request goes on with. */
const OVERRIDDEN = 'x-middleware-override-headers'

export async function runProxy<Claims extends object, Data>(
  parts: Parts<Claims, Data>,
  request: NextRequest,
  event: NextFetchEvent,
  handler: ProxyHandler<Claims, Data> | undefined,
): Promise<Response> {
  // Scripts and styles are nobody's, and a page must not lack them because a token has expired meanwhile.
  if (request.nextUrl.pathname.startsWith('/_next/')) return NextResponse.next()
  const exchange = requestExchange(request, parts)
  const finish = (reply: Reply): Response => exchange.finish(toResponse(absolute(reply, request.url)))
  const started = await startOrReply(parts.start)
  if ('reply' in started) return finish(started.reply)
  const { http } = started
  const restored = restoreRenewed(request, exchange, started)

  const { reply, session } = await http.open(exchange)
  if (reply !== undefined) return finish(reply)
  const refused = loadsPage(exchange) ? await http.refuse(exchange, session, { optional: true }) : null
  if (refused !== null) return finish(refused)
  // Next sends the head only when the page below has something to show, and that may be too late for cookies.
  const repeated = http.repeat(exchange, session)
  if (repeated !== null) return finish(repeated)
  const renewed = session.pendingCookies
  try {
    const answer = (await handler?.(session, request, event)) ?? NextResponse.next()
    if (!goesOn(answer)) return exchange.finish(answer)
    const changed = [...restored, ...(await changedHeaders(exchange, session, started))]
    // A handler that signs somebody in or out sets other cookies, whenever they arrive.
    if (renewed.cookies.length > 0 && session.pendingCookies === renewed)
      changed.push([HANDOVER_HEADER, started.handover.leave(session.giveCookies())])
    return exchange.finish(changed.length === 0 ? answer : withRequestHeaders(answer, request, changed))
  } catch (error) {
    const answer = http.answer(exchange, session, error)
    if (answer === null) throw error
    return finish(answer)
  }
}

/** Next takes no other `Location` from a proxy. To the client it says the path alone. */
function absolute(reply: Reply, base: string): Reply {
  const headers = reply.headers.map(([name, value]): [string, string] => [
    name,
    name === 'location' ? new URL(value, base).href : value,
  ])
  return { ...reply, headers }
}

/** A document, or what Next's router fetches in its place. What a page embeds is left alone. */
function loadsPage(exchange: Exchange): boolean {
  if (exchange.method !== 'GET') return false
  const destination = exchange.header('sec-fetch-dest')
  return destination === undefined
    ? exchange.header('accept')?.includes('text/html') === true
    : destination === 'document' || destination === 'empty'
}

type Changed = [name: string, value: string][]

/**
 * Server Components see who has been renewed or signed in. Not by the client's new access token: its use
 * would prove that the client has it, before it has been sent.
 */
async function changedHeaders<Claims extends object, Data>(
  exchange: Exchange,
  session: RequestSession<Claims, Data>,
  { http }: Started<Claims, Data>,
): Promise<Changed> {
  if (session.transport !== 'cookie' || session.error !== null) return []
  const cookies = http.cookiesOf(exchange)
  const token = await session.accessToken()
  if (presentedAccessTokens(exchange, 'cookie', cookies).includes(token)) return []
  const cookie = replaceCookies(exchange.header('cookie'), [cookies.access], [[cookies.access, token]])
  return [
    ['cookie', cookie],
    [RENEWED_HEADER, token],
  ]
}

/**
 * After an action that redirects, Next asks itself for the next page, with the cookies of an answer that has
 * not been sent yet. That is not their use by the client either.
 */
function restoreRenewed<Claims extends object, Data>(
  { headers }: NextRequest,
  exchange: Exchange,
  { http, sessionIdOf }: Started<Claims, Data>,
): Changed {
  const renewed = headers.get(RENEWED_HEADER)
  const sessionId = renewed === null ? undefined : sessionIdOf(renewed)
  if (renewed === null || sessionId === undefined) return []
  const cookies = http.cookiesOf(exchange)
  // An action may have signed out, or somebody else in.
  if (!presentedAccessTokens(exchange, 'cookie', cookies).map(sessionIdOf).includes(sessionId)) return []
  const { access, refresh } = cookies
  const cookie = replaceCookies(exchange.header('cookie'), [access, refresh], [[access, renewed]])
  headers.set('cookie', cookie)
  return [['cookie', cookie]]
}

function goesOn({ headers }: Response): boolean {
  return headers.has('x-middleware-next') || headers.has('x-middleware-rewrite')
}

/** Has Next go on with these headers besides those of the request, or those that the answer names itself. */
function withRequestHeaders(answer: Response, request: NextRequest, changed: Changed): Response {
  const merged = new Headers(answer.headers)
  const named = merged.get(OVERRIDDEN)?.split(',')
  if (named === undefined)
    for (const [name, value] of request.headers) merged.set(`x-middleware-request-${name}`, value)
  const names = new Set(named ?? request.headers.keys())
  for (const [name, value] of changed) {
    names.add(name)
    merged.set(`x-middleware-request-${name}`, value)
  }
  merged.set(OVERRIDDEN, [...names].join())
  return new Response(answer.body, { status: answer.status, headers: merged })
}
