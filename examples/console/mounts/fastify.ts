import type { FastifyInstance } from 'fastify'
import type { Sessions } from 'pawl'
import { sessionsConsole } from 'pawl/console'
import { requireSession, type SessionOf, sessionOf } from 'pawl/fastify'

export function addConsole(app: FastifyInstance, sessions: Sessions<{ name: string; role: string }>): void {
  const show = sessionsConsole(sessions, {
    authorize(_req, { userId, claims }: SessionOf<typeof sessions>) {
      return claims.role === 'administrator' ? { actor: userId } : null
    },
  })
  app.register(async (scope) => {
    // The console reads its forms itself.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _body, done) => done(null))
    for (const url of ['/admin/sessions', '/admin/sessions/*']) {
      scope.all(url, { onRequest: requireSession() }, (request, reply) => {
        reply.hijack()
        return show(request.raw, reply.raw, sessionOf(request, sessions))
      })
    }
  })
}
