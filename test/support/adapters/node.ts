import { nodeSessions } from '../../../src/adapters/node/index.ts'
import { listen } from '../http-server.ts'
import { type Adapter, forwardedFor, routeOf, sendJson } from './application.ts'

export const nodeAdapter: Adapter = {
  name: 'node:http',
  async listen(sessions, options, { trustProxy = false } = {}) {
    const errors: unknown[] = []
    const withSession = nodeSessions(sessions, {
      ...options,
      onError: (error) => errors.push(error),
      ...(trustProxy && { ip: (req) => forwardedFor(req.headers['x-forwarded-for']?.toString()) }),
    })
    const port = await listen((req, res) => {
      const [route, query] = routeOf(req.method, req.url)
      const serve = withSession(async (_req, _res, session) => {
        if (route === undefined) return sendJson(res, 404, {})
        sendJson(res, 200, await route.answer(session, query), route.headers)
      }, route?.require)
      void serve(req, res)
    })
    return { port, errors }
  },
}
