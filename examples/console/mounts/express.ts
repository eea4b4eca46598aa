import type { Express, Request } from 'express'
import type { Sessions } from 'pawl'
import { sessionsConsole } from 'pawl/console'
import { requireSession, sessionOf } from 'pawl/express'

export function addConsole(app: Express, sessions: Sessions<{ name: string; role: string }>): void {
  const show = sessionsConsole(sessions, {
    authorize(req: Request) {
      const { role, name } = sessionOf(req, sessions).claims
      return role === 'administrator' ? { actor: name } : null
    },
  })
  app.use('/admin/sessions', requireSession(), show)
}
