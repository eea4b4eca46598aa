import { getRequestURL, H3, toNodeHandler } from 'h3'
import { h3Sessions, requireSession, sessionOf } from '../../../src/adapters/h3/index.ts'
import { listen } from '../http-server.ts'
import { type Adapter, FAILED, forwardedFor, ROUTES } from './application.ts'

export const h3Adapter: Adapter = {
  name: 'h3',
  async listen(sessions, options, { trustProxy = false } = {}) {
    const errors: unknown[] = []
    const app = new H3({
      silent: true,
      onError({ unhandled, cause }, event) {
        if (unhandled !== true) return
        errors.push(cause)
        event.res.status = 500
        return FAILED
      },
    })
    app.use(
      h3Sessions(sessions, {
        ...options,
        ...(trustProxy && {
          ip: ({ req }) => forwardedFor(req.headers.get('x-forwarded-for') ?? undefined),
        }),
      }),
    )
    for (const [key, route] of Object.entries(ROUTES)) {
      const [method, path] = key.split(' ') as ['GET' | 'POST', string]
      const middleware = route.require === undefined ? [] : [requireSession(route.require)]
      app.on(
        method,
        path,
        (event) => {
          for (const [name, value] of Object.entries(route.headers ?? {})) event.res.headers.set(name, value)
          return route.answer(sessionOf(event, sessions), getRequestURL(event).searchParams)
        },
        { middleware },
      )
    }
    return { port: await listen(toNodeHandler(app)), errors }
  },
}
