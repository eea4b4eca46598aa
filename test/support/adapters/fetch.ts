import { type FetchInfo, fetchSessions } from '../../../src/adapters/fetch/index.ts'
import { listen } from '../http-server.ts'
import { type Adapter, FAILED, forwardedFor, routeOf, sendJson } from './application.ts'
import { sendResponse, toRequest } from './web.ts'

export const fetchAdapter: Adapter = {
  name: 'fetch',
  async listen(sessions, options, { trustProxy = false } = {}) {
    const errors: unknown[] = []
    const withSession = fetchSessions(sessions, options)
    const port = await listen((req, res) => {
      const [route, query] = routeOf(req.method, req.url)
      const info: FetchInfo =
        route?.require === undefined ? {} : { required: route.require.optional !== true, ...route.require }
      const forwarded = trustProxy ? forwardedFor(req.headers['x-forwarded-for']?.toString()) : undefined
      withSession(
        toRequest(req),
        async (session) => {
          if (route === undefined) return Response.json({}, { status: 404 })
          return Response.json(await route.answer(session, query), { headers: { ...route.headers } })
        },
        { ...info, ip: forwarded ?? req.socket.remoteAddress },
      )
        .then((response) => sendResponse(res, response))
        .catch((error: unknown) => {
          errors.push(error)
          sendJson(res, 500, FAILED)
        })
    })
    return { port, errors }
  },
}
