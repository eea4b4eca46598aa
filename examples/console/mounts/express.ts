import type { Express, Request } from 'express'
import type { Sessions } from 'pawl'
import { sessionsConsole } from 'pawl/console'
import { requireSession, sessionOf } from 'pawl/express'

// `Sessions` takes the claims of your `createSessions`.
export function addConsole(app: Express, sessions: Sessions<{ name: string; role: string }>): void {
  const show = sessionsConsole(sessions, {
    authorize(req: Request) {
      const { userId, claims } = sessionOf(req, sessions)
      return claims.role === 'administrator' ? { actor: userId } : null
    },
  })
  app.use('/admin/sessions', requireSession(), show)
}
