import Router from '@koa/router'
import Koa from 'koa'
import { koaSessions, requireSession, type SessionOf } from '../../../src/adapters/koa/index.ts'
import { listen } from '../http-server.ts'
import { type Adapter, FAILED, ROUTES, routeOf } from './application.ts'

export const koaAdapter: Adapter = {
  name: 'Koa',
  async listen(sessions, options, { trustProxy = false } = {}) {
    const errors: unknown[] = []
    const app = new Koa({ proxy: trustProxy, maxIpsCount: 1 })
    app.on('error', (error) => errors.push(error))
    app.use(async (ctx, next) => {
      try {
        await next()
      } catch (error) {
        ctx.status = 500
        ctx.body = FAILED
        ctx.app.emit('error', error, ctx)
      }
    })
    const router = new Router<{ session: SessionOf<typeof sessions> }>()
    for (const [key, route] of Object.entries(ROUTES)) {
      const [method, path] = key.split(' ') as ['GET' | 'POST', string]
      const guards = route.require === undefined ? [] : [requireSession(route.require)]
      router.register(
        path,
        [method],
        [
          ...guards,
          async (ctx) => {
            ctx.set({ ...route.headers })
            ctx.body = await route.answer(ctx.state.session, routeOf(method, ctx.originalUrl)[1])
          },
        ],
      )
    }
    app.use(koaSessions(sessions, options)).use(router.routes())
    return { port: await listen(app.callback()), errors }
  },
}
