import type { Sessions } from 'pawl'
import { sessionsConsole } from 'pawl/console'
import type { FetchSessions, SessionOf } from 'pawl/fetch'

/** Answers requests for `/admin/sessions` and below. */
export function consoleHandler(
  withSession: FetchSessions<{ name: string; role: string }, unknown>,
  sessions: Sessions<{ name: string; role: string }>,
): (request: Request) => Promise<Response> {
  const show = sessionsConsole(sessions, {
    authorize(_req, { userId, claims }: SessionOf<typeof sessions>) {
      return claims.role === 'administrator' ? { actor: userId } : null
    },
  })
  return (request) => withSession(request, (session) => show(request, session), { required: true })
}
