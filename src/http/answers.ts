import { isSessionsError } from '../portable/errors.ts'
import { denialOf } from './authorization.ts'
import { errorReply } from './error-reply.ts'
import type { Reply } from './exchange.ts'
import { isNavigation } from './page-load.ts'
import { translated } from './protocol.ts'
import { refreshByCookie } from './refresh-cookies.ts'
import type { RequestSession } from './request-session.ts'
import { mayResume, redirectToSame } from './resume.ts'
import type { SessionsOverHttp } from './sessions-over-http.ts'

/** The answers that depend on nothing but a request's session. */
export function answersOf<Claims extends object, Data>(): Pick<
  SessionsOverHttp<Claims, Data>,
  'authorize' | 'answer' | 'redirectAfterRefresh'
> {
  return {
    authorize(session, required = {}) {
      const { mode } = session.request.engine.options.revocation
      if (required.lookup === true && mode !== 'lookup' && session.error === null)
        return checkRow(session).then(() => translatedFor(session, denialOf(session, required)))
      return translatedFor(session, denialOf(session, required))
    },
    answer(session, error) {
      if (error !== null && error === session.error) return translatedFor(session, denialOf(session))
      // An administrator may end another user's session. That error does not concern the caller's session.
      if (isSessionsError(error) && error.code === 'ERR_SESSION_ENDED') {
        const { namedSessionIds } = session
        if (namedSessionIds.length > 0 && !namedSessionIds.includes(error.sessionId)) return null
      }
      return translatedFor(session, errorReply(session.request, error))
    },
    redirectAfterRefresh({ request: { exchange, engine }, responseCookies }) {
      const isRead = exchange.method === 'GET' || exchange.method === 'HEAD'
      return isRead && responseCookies.pending.cookies.length > 0
        ? redirectToSame(exchange, engine.clock.now())
        : null
    },
  }
}

function translatedFor<C extends object, D>(
  { request }: RequestSession<C, D>,
  reply: Reply | null,
): Reply | null {
  return reply === null ? null : translated(request, reply)
}

export function canRefreshInline<C extends object, D>(session: RequestSession<C, D>): boolean {
  const { request } = session
  return (
    request.options.inline &&
    !request.isHandshake &&
    request.refreshCookies.length > 0 &&
    session.isRefreshable
  )
}

export async function refreshInline<C extends object, D>(
  session: RequestSession<C, D>,
): Promise<{ readonly session: RequestSession<C, D> }> {
  const { request } = session
  // A page load without a proof continues at the refresh route, where the device proves itself.
  const provesNext = isNavigation(request.exchange) && mayResume(request.exchange, request.engine.clock.now())
  const result = await refreshByCookie(request, provesNext)
  if ('error' in result) session.rejectRefresh(result.error, result.cookies, result.headers)
  else session.acceptRefresh(result.refreshed, result.cookies, result.headers)
  return { session }
}

/** Checks the session against its row. A token that the row supersedes is refreshed like an expired one. */
export async function checkRow<C extends object, D>(
  session: RequestSession<C, D>,
): Promise<{ readonly session: RequestSession<C, D> }> {
  await session.checkRow()
  return canRefreshInline(session) ? refreshInline(session) : { session }
}
