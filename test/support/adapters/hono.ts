import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import {
  honoSessions,
  requireSession,
  type SessionEnv,
  sessionErrors,
} from '../../../src/adapters/hono/index.ts'
import { listen } from '../http-server.ts'
import { type Adapter, FAILED, forwardedFor, ROUTES } from './application.ts'

export const honoAdapter: Adapter = {
  name: 'Hono',
  async listen(sessions, options, { trustProxy = false } = {}) {
    const errors: unknown[] = []
    const app = new Hono<SessionEnv<typeof sessions> & { Bindings: HttpBindings }>()
    app.use(
      honoSessions(sessions, {
        ...options,
        ...(trustProxy && { ip: (c) => forwardedFor(c.req.header('x-forwarded-for')) }),
      }),
    )
    for (const [key, route] of Object.entries(ROUTES)) {
      const [method, path] = key.split(' ') as [string, string]
      const guards = route.require === undefined ? [] : [requireSession(route.require)]
      app.on(method, [path], ...guards, async (c) => {
        for (const [name, value] of Object.entries(route.headers ?? {})) c.header(name, value)
        const answer = await route.answer(c.var.session, new URL(c.req.url).searchParams)
        return c.json(answer as object)
      })
    }
    app.onError(
      sessionErrors((error, c) => {
        errors.push(error)
        return c.json(FAILED, 500)
      }),
    )
    return { port: await listen(getRequestListener(app.fetch)), errors }
  },
}
