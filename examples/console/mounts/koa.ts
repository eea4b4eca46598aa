import type Router from '@koa/router'
import type { Sessions } from 'pawl'
import { sessionsConsole } from 'pawl/console'
import { requireSession, type SessionOf, sessionOf } from 'pawl/koa'

export function addConsole(router: Router, sessions: Sessions<{ name: string; role: string }>): void {
  const show = sessionsConsole(sessions, {
    authorize(_req, { userId, claims }: SessionOf<typeof sessions>) {
      return claims.role === 'administrator' ? { actor: userId } : null
    },
  })
  router.all('/admin/sessions{/*page}', requireSession(), (ctx) => {
    ctx.respond = false
    return show(ctx.req, ctx.res, sessionOf(ctx, sessions))
  })
}
