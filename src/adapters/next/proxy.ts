import { type NextFetchEvent, type NextRequest, NextResponse } from 'next/server.js'
import type { Exchange, Reply } from '../../http/exchange.ts'
import { settling } from '../../http/http.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { accessTokensOf } from '../../wire/credentials.ts'
import { toResponse } from '../shared/fetch-exchange.ts'
import { replaceCookies } from './cookies.ts'
import { requestExchange } from './exchange.ts'
import { HANDOVER_HEADER } from './handover.ts'
import type { Setup } from './setup.ts'
import { type Started, startOrReply } from './start.ts'

/** Your own part of the proxy. It returns a response, or `undefined` to let the request through. */
export type ProxyHandler<Claims extends object, Data> = (
  session: RequestSession<Claims, Data>,
  request: NextRequest,
  event: NextFetchEvent,
) => Response | undefined | Promise<Response | undefined>

/** On a request that Next sends to itself: the access token to render the page with. */
const RENEWED_HEADER = 'pawl-renewed'
/** Lists the request headers that a `NextResponse` overrides. */
const OVERRIDE_HEADER = 'x-middleware-override-headers'

export async function runProxy<Claims extends object, Data>(
  setup: Setup<Claims, Data>,
  request: NextRequest,
  event: NextFetchEvent,
  handler: ProxyHandler<Claims, Data> | undefined,
): Promise<Response> {
  // Scripts and styles need no session, and a page must not lack them because a token has expired.
  if (request.nextUrl.pathname.startsWith('/_next/')) return NextResponse.next()
  const exchange = requestExchange(request, setup)
  // Next hides the query `_rsc` of its router, so a redirect to the same URL loses it. Next then redirects to that query by
  // a 307. The browser must not use that for a later page load of the URL. Next hides the header too, so any fetch gets `Vary`.
  if (setup.options.inline && isFetch(exchange)) exchange.beforeHead((head) => head.append('vary', 'RSC'))
  const finish = (reply: Reply): Response => exchange.finish(toResponse(absolute(reply, request.url)))
  const arrivedAt = performance.now()
  const started = await startOrReply(setup, exchange)
  if ('reply' in started) return finish(started.reply)
  const { http } = started
  return settling(http, async () => {
    const restored = restoreRenewed(request, exchange, started)

    const { reply, session } = await http.handle(exchange, performance.now() - arrivedAt)
    if (reply !== undefined) return finish(reply)
    const refused = loadsPage(exchange) ? await http.authorize(session, { optional: true }) : null
    if (refused !== null) return finish(refused)
    // Next sends the head after it has rendered part of the page, which may be too late for cookies.
    const redirect = http.redirectAfterRefresh(session)
    if (redirect !== null) return finish(redirect)
    const renewed = session.responseCookies.pending
    try {
      const answer = (await handler?.(session, request, event)) ?? NextResponse.next()
      if (!continues(answer)) return exchange.finish(answer)
      const changed = [...restored, ...(await changedHeaders(exchange, session, started))]
      // A handler that signs in or out has replaced the renewed cookies. Its own may be set at any time.
      if (renewed.cookies.length > 0 && session.responseCookies.pending === renewed)
        changed.push([HANDOVER_HEADER, started.handover.leave(session.responseCookies.release())])
      return exchange.finish(changed.length === 0 ? answer : withRequestHeaders(answer, request, changed))
    } catch (error) {
      const answer = http.answer(session, error)
      if (answer === null) throw error
      return finish(answer)
    }
  })
}

/** Next accepts only an absolute `Location` from a proxy. It sends the client the path alone. */
function absolute(reply: Reply, base: string): Reply {
  const headers = reply.headers.map(([name, value]): [string, string] => [
    name,
    name === 'location' ? new URL(value, base).href : value,
  ])
  return { ...reply, headers }
}

/** Whether a script or Next's router sends the request. */
function isFetch(exchange: Exchange): boolean {
  return exchange.method === 'GET' && exchange.header('sec-fetch-dest') === 'empty'
}

/** Whether the request loads a document, or the data that Next's router fetches instead; not what a page embeds. */
function loadsPage(exchange: Exchange): boolean {
  if (exchange.method !== 'GET') return false
  const destination = exchange.header('sec-fetch-dest')
  return destination === undefined
    ? exchange.header('accept')?.includes('text/html') === true
    : destination === 'document' || destination === 'empty'
}

type HeaderChanges = [name: string, value: string][]

/**
 * Lets Server Components see a session that was renewed or created here. They get another token than the client: the
 * use of the client's new token would prove that the client has it, before it has been sent.
 */
async function changedHeaders<Claims extends object, Data>(
  exchange: Exchange,
  session: RequestSession<Claims, Data>,
  { http }: Started<Claims, Data>,
): Promise<HeaderChanges> {
  if (session.transport !== 'cookie' || session.error !== null) return []
  const cookies = http.cookiesOf(exchange)
  const token = await session.accessToken()
  if (accessTokensOf(session.request.exchange, 'cookie', cookies.access).includes(token)) return []
  const cookie = replaceCookies(exchange.header('cookie'), [cookies.access], [[cookies.access, token]])
  return [
    ['cookie', cookie],
    [RENEWED_HEADER, token],
  ]
}

/**
 * After an action that redirects, Next requests the next page from itself, with cookies that have not been sent to
 * the client yet. That is no use by the client either.
 */
function restoreRenewed<Claims extends object, Data>(
  { headers }: NextRequest,
  exchange: Exchange,
  { http, sessionIdOf }: Started<Claims, Data>,
): HeaderChanges {
  const renewed = headers.get(RENEWED_HEADER)
  const sessionId = renewed === null ? null : sessionIdOf(renewed)
  if (renewed === null || sessionId === null) return []
  const cookies = http.cookiesOf(exchange)
  // The action may have signed out, or another user in.
  if (!accessTokensOf(exchange, 'cookie', cookies.access).map(sessionIdOf).includes(sessionId)) return []
  const { access, refresh } = cookies
  const cookie = replaceCookies(exchange.header('cookie'), [access, refresh], [[access, renewed]])
  headers.set('cookie', cookie)
  return [['cookie', cookie]]
}

function continues({ headers }: Response): boolean {
  return headers.has('x-middleware-next') || headers.has('x-middleware-rewrite')
}

/** Makes Next continue with the changed headers, and with those of the request or those that the answer overrides. */
function withRequestHeaders(answer: Response, request: NextRequest, changed: HeaderChanges): Response {
  const merged = new Headers(answer.headers)
  const named = merged.get(OVERRIDE_HEADER)?.split(',')
  if (named === undefined)
    for (const [name, value] of request.headers) merged.set(`x-middleware-request-${name}`, value)
  const names = new Set(named ?? request.headers.keys())
  for (const [name, value] of changed) {
    names.add(name)
    merged.set(`x-middleware-request-${name}`, value)
  }
  merged.set(OVERRIDE_HEADER, [...names].join())
  return new Response(answer.body, { status: answer.status, headers: merged })
}
