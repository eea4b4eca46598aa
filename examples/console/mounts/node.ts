import type { RequestListener } from 'node:http'
import type { Sessions } from 'pawl'
import { sessionsConsole } from 'pawl/console'
import type { SessionOf, WithSession } from 'pawl/node'

/** Answers requests for `/admin/sessions` and below. */
export function consoleListener(
  withSession: WithSession<{ name: string; role: string }, unknown>,
  sessions: Sessions<{ name: string; role: string }>,
): RequestListener {
  const show = sessionsConsole(sessions, {
    authorize(_req, { userId, claims }: SessionOf<typeof sessions>) {
      return claims.role === 'administrator' ? { actor: userId } : null
    },
  })
  return withSession((req, res, session) => show(req, res, session), {})
}
