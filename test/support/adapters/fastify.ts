import fastify from 'fastify'
import { onTestFinished } from 'vitest'
import { fastifySessions, requireSession, sessionOf } from '../../../src/adapters/fastify/index.ts'
import { type Adapter, FAILED, ROUTES, routeOf } from './application.ts'

export const fastifyAdapter: Adapter = {
  name: 'Fastify',
  async listen(sessions, options, { trustProxy = false } = {}) {
    const errors: unknown[] = []
    const app = fastify({ trustProxy: trustProxy ? 'loopback' : false })
    // The parser of Fastify rejects an empty body.
    app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
      done(null, body === '' ? undefined : JSON.parse(String(body))),
    )
    app.setErrorHandler((error, _request, reply) => {
      errors.push(error)
      return reply.code(500).send(FAILED)
    })
    app.setNotFoundHandler((_request, reply) => reply.code(404).send({}))
    app.register(fastifySessions(sessions, options))
    for (const [key, route] of Object.entries(ROUTES)) {
      const [method, url] = key.split(' ') as ['GET' | 'POST', string]
      app.route({
        method,
        url,
        ...(route.require !== undefined && { onRequest: requireSession(route.require) }),
        handler: async (request, reply) => {
          reply.headers(route.headers ?? {})
          return route.answer(sessionOf(request, sessions), routeOf(method, request.originalUrl)[1])
        },
      })
    }
    onTestFinished(() => app.close())
    const url = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
    return { port: Number(url.port), errors }
  },
}
