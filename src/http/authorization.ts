import { SecretUnknownError } from '../portable/errors.ts'
import { assertBound, assertProven } from './device-requirements.ts'
import { errorReply } from './error-reply.ts'
import type { Reply } from './exchange.ts'
import type { RequireOptions } from './options/resolve.ts'
import { isNavigation, isVisitorsPage } from './page-load.ts'
import type { RequestSession } from './request-session.ts'
import { isBackWithUnknownSecret, redirectThroughRefresh, redirectUnmarked } from './resume.ts'

/** The answer to a request that does not meet what its route requires; null if it does. */
export function denialOf<C extends object, D>(
  session: RequestSession<C, D>,
  required: RequireOptions = {},
): Reply | null {
  const { error, request } = session
  if (error === null) return denialOfSession(session, required) ?? unmarkedPage(session)
  const { options, engine, exchange } = request
  const isExpired = error.code === 'ERR_ACCESS_TOKEN_EXPIRED' || error.code === 'ERR_ACCESS_TOKEN_INVALID'
  // An inline refresh has no proof to wait for. The refresh route makes the browser prove itself.
  const isUnproven = error.code === 'ERR_DEVICE_PROOF_REQUIRED'
  const mayResume = isUnproven || (isExpired && !options.inline)
  if (mayResume && session.transport === 'cookie' && isNavigation(exchange)) {
    const redirect = redirectThroughRefresh(exchange, `${options.path}/refresh`, engine.clock.now())
    if (redirect !== null) return redirect
    // The refresh route has just sent the browser back. It does not know the secret, or the browser stored no cookies.
    if (required.optional) return null
    if (isBackWithUnknownSecret(exchange, engine.clock.now()))
      return errorReply(request, new SecretUnknownError())
  }
  // Nobody could sign in again who has lost the key, if the login came back with 401 for the old session.
  if (required.optional && !request.isSafeMethod && session.isUnproven) return null
  // With inline refresh, an expired token has already been tried. A handshake is never refreshed inline.
  const refreshCannotHelp = !isUnproven && (!isExpired || (options.inline && !request.isHandshake))
  const mayPass = refreshCannotHelp && (!('retryAfter' in error) || isVisitorsPage(exchange, error))
  if (!required.optional || !mayPass) return errorReply(request, error)
  // A process with the secret may send the browser through the refresh route again.
  return 'retryAfter' in error ? null : unmarkedPage(session)
}

/** A redirect that removes the marker of a resumed page load. Never with new cookies, which the browser may not store. */
function unmarkedPage<C extends object, D>(session: RequestSession<C, D>): Reply | null {
  const { exchange, engine } = session.request
  const redirect = session.transport === 'cookie' ? redirectUnmarked(exchange, engine.clock) : null
  return redirect !== null && session.responseCookies.pending.cookies.length === 0 ? redirect : null
}

/**
 * Checks what a route requires besides a session.
 * @throws SessionsError
 */
export function assertMeets<C extends object, D>(
  session: RequestSession<C, D>,
  { acting, csrf = false, device = false, maxAuthAge, proof = false }: RequireOptions,
): void {
  if (acting === false) session.requireOwn()
  if (device) assertBound(session)
  if (proof) assertProven(session)
  if (csrf) session.requireCsrfToken()
  if (maxAuthAge !== undefined) session.requireRecentAuth(maxAuthAge)
}

function denialOfSession<C extends object, D>(
  session: RequestSession<C, D>,
  required: RequireOptions,
): Reply | null {
  try {
    assertMeets(session, required)
    return null
  } catch (error) {
    const reply = errorReply(session.request, error)
    if (reply === null) throw error
    return reply
  }
}
