import { type NextFetchEvent, type NextRequest, NextResponse } from 'next/server.js'
import { isPlainLocalhost } from '../http/cookies.ts'
import type { Exchange, Reply } from '../http/exchange.ts'
import type { CookieSet, ResolvedHttpOptions } from '../http/options.ts'
import type { RequestSession } from '../http/request-session.ts'
import { presentedAccessTokens } from '../http/transport.ts'
import { toResponse } from './fetch-exchange.ts'
import { replaceCookies } from './next-cookies.ts'
import { requestExchange } from './next-exchange.ts'
import type { Parts } from './next-parts.ts'
import { type Started, startOrReply } from './next-shared.ts'

/** An application's own part of the proxy; undefined lets the request through. */
export type ProxyHandler<Claims extends object, Data> = (
  session: RequestSession<Claims, Data>,
  request: NextRequest,
  event: NextFetchEvent,
) => Response | undefined | Promise<Response | undefined>

/** Tells a request that Next makes to itself which access token its page is to be rendered with. */
const RENEWED_HEADER = 'pawl-renewed'

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
  const renewing = parts.options.inline ? cookiesOf(exchange, parts.options) : null
  const arrived = request.headers.get('cookie')
  if (renewing !== null) restoreRenewed(request, exchange, started, renewing)

  const { reply, session } = await http.open(exchange)
  if (reply !== undefined) return finish(reply)
  const refused = loadsPage(exchange) ? await http.refuse(exchange, session, { optional: true }) : null
  if (refused !== null) return finish(refused)
  if (renewing !== null) await passOnRenewed(request, exchange, session, renewing)
  try {
    const answer = (await handler?.(session, request, event)) ?? NextResponse.next()
    const changed = request.headers.get('cookie') !== arrived
    return exchange.finish(changed ? withRequestHeaders(answer, request.headers) : answer)
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

function cookiesOf(exchange: Exchange, { cookies, localCookies }: ResolvedHttpOptions): CookieSet {
  return localCookies !== null && isPlainLocalhost(exchange, cookies) ? localCookies : cookies
}

/** A document, or what Next's router fetches in its place. What a page embeds is left alone. */
function loadsPage({ method, header }: Exchange): boolean {
  if (method !== 'GET') return false
  const destination = header('sec-fetch-dest')
  return destination === undefined
    ? header('accept')?.includes('text/html') === true
    : destination === 'document' || destination === 'empty'
}

/**
 * Server Components see what was renewed. Not the client's new access token: its use would prove that the
 * client has it, before it has been sent.
 */
async function passOnRenewed<Claims extends object, Data>(
  { headers }: NextRequest,
  exchange: Exchange,
  session: RequestSession<Claims, Data>,
  cookies: CookieSet,
): Promise<void> {
  if (session.transport !== 'cookie' || session.error !== null) return
  const token = await session.accessToken()
  if (presentedAccessTokens(exchange, 'cookie', cookies).includes(token)) return
  headers.set(
    'cookie',
    replaceCookies(exchange.header('cookie'), [cookies.access], [[cookies.access, token]]),
  )
  headers.set(RENEWED_HEADER, token)
}

/**
 * After an action that redirects, Next asks itself for the next page, with the cookies of an answer that has
 * not been sent yet. That is not their use by the client either.
 */
function restoreRenewed<Claims extends object, Data>(
  { headers }: NextRequest,
  exchange: Exchange,
  { sessionIdOf }: Started<Claims, Data>,
  cookies: CookieSet,
): void {
  const renewed = headers.get(RENEWED_HEADER)
  const sessionId = renewed === null ? undefined : sessionIdOf(renewed)
  if (renewed === null || sessionId === undefined) return
  // An action may have signed out, or somebody else in.
  if (!presentedAccessTokens(exchange, 'cookie', cookies).map(sessionIdOf).includes(sessionId)) return
  const { access, refresh } = cookies
  headers.set('cookie', replaceCookies(exchange.header('cookie'), [access, refresh], [[access, renewed]]))
}

/** Has Next go on with these headers, where the answer says that it shall go on. */
function withRequestHeaders(answer: Response, headers: Headers): Response {
  const goesOn = answer.headers.has('x-middleware-next') || answer.headers.has('x-middleware-rewrite')
  if (!goesOn || answer.headers.has('x-middleware-override-headers')) return answer
  const merged = new Headers(answer.headers)
  for (const [name, value] of NextResponse.next({ request: { headers } }).headers) {
    if (name !== 'x-middleware-next') merged.set(name, value)
  }
  return new Response(answer.body, { status: answer.status, headers: merged })
}
