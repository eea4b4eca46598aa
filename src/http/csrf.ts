import { CsrfRejectedError } from '../portable/errors.ts'
import { actingSessionOf } from './acting.ts'
import { assertCsrfTokenOf } from './csrf-token.ts'
import type { Exchange } from './exchange.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { isOfHost } from './origin.ts'
import { chooseRefreshToken } from './refresh-cookies.ts'
import type { RequestSession } from './request-session.ts'

/**
 * Whether a request that may change state comes from this site, by the rules of Go's
 * `http.CrossOriginProtection`. If the browser sends `Sec-Fetch-Site`, that header decides. The `Origin` of an
 * older browser must name the requested host. A request with neither header does not come from a web page.
 * The caller decides which requests may change state.
 * @param isTrusted whether its origin is one of `trustedOrigins`
 * @throws CsrfRejectedError
 */
export function assertSameSite(exchange: Exchange, isTrusted: boolean): void {
  if (isTrusted) return
  const site = exchange.header('sec-fetch-site')
  const origin = exchange.header('origin')
  if (site !== undefined && site !== '') {
    if (site !== 'same-origin' && site !== 'none') throw new CsrfRejectedError('sec-fetch-site')
    return
  }
  if (origin === undefined || origin === '') return
  if (!isOfHost(origin, exchange.header('host'))) throw new CsrfRejectedError('origin')
}

/**
 * The refresh route needs no token, because a newly loaded page gets its token there. The device route needs none, because the
 * browser itself calls it. A WebSocket handshake is a
 * GET and needs none either, because a page cannot add headers to it.
 * @throws CsrfRejectedError
 */
export function assertCsrfToken<Claims extends object, Data>(
  request: IncomingRequest<Claims, Data>,
  session: RequestSession<Claims, Data>,
): void {
  const { options } = request
  const isOwn = request.path === `${options.path}/refresh` || request.path === `${options.path}/device`
  if (request.isSafeMethod || isOwn) return
  const sessionId = sessionIdOf(request, session)
  // A browser that has lost the key of its session gets no token for it, and cannot act with it.
  if (sessionId === null || (session.isUnproven && request.unprovenSessionIds.includes(sessionId))) return
  assertCsrfTokenOf(request, sessionId)
}

/**
 * The session that the request would act with; null for none. Cookies of an ended session are ignored: no CSRF
 * token can be issued for it, and a new login must not need one.
 */
function sessionIdOf<Claims extends object, Data>(
  request: IncomingRequest<Claims, Data>,
  session: RequestSession<Claims, Data>,
): string | null {
  const { options, path } = request
  if (session.error === null) return session.sessionId
  if (path === `${options.path}/logout`) return request.namedSessionIds[0] ?? null
  if (!options.inline || !session.isRefreshable) return null
  const chosen = chooseRefreshToken(request)
  const ownId = typeof chosen === 'string' ? undefined : chosen.token?.sessionId
  return ownId === undefined ? null : (actingSessionOf(request, ownId) ?? ownId)
}
