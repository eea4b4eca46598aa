import type { H3 } from 'h3'
import type { Sessions } from 'pawl'
import { sessionsConsole } from 'pawl/console'
import { requireSession, type SessionOf, sessionOf } from 'pawl/h3'

export function addConsole(app: H3, sessions: Sessions<{ name: string; role: string }>): void {
  const show = sessionsConsole(sessions, {
    authorize(_req, { userId, claims }: SessionOf<typeof sessions>) {
      return claims.role === 'administrator' ? { actor: userId } : null
    },
  })
  app.all('/admin/sessions/**', (event) => show(event.req, sessionOf(event, sessions)), {
    middleware: [requireSession()],
  })
}
