import type { Hono } from 'hono'
import type { Sessions } from 'pawl'
import { sessionsConsole } from 'pawl/console'
import { requireSession, type SessionOf, sessionOf } from 'pawl/hono'

export function addConsole(app: Hono, sessions: Sessions<{ name: string; role: string }>): void {
  const show = sessionsConsole(sessions, {
    authorize(_req, { userId, claims }: SessionOf<typeof sessions>) {
      return claims.role === 'administrator' ? { actor: userId } : null
    },
  })
  app.all('/admin/sessions/*', requireSession(), (c) => show(c.req.raw, sessionOf(c, sessions)))
}
