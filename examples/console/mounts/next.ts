import { sessionsConsole } from 'pawl/console'
import type { NextSessions, RouteHandler, SessionOf } from 'pawl/next'

/** `GET` and `POST` of `app/admin/sessions/[[...page]]/route.ts`. */
export function consoleRoute({
  route,
  sessions,
}: Pick<NextSessions<{ name: string; role: string }, unknown>, 'route' | 'sessions'>): RouteHandler<unknown> {
  const show = sessionsConsole(sessions, {
    authorize(_req, { userId, claims }: SessionOf<typeof sessions>) {
      return claims.role === 'administrator' ? { actor: userId } : null
    },
  })
  return route((session, request) => show(request, session), {})
}
