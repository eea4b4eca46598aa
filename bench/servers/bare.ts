import type { RequestListener } from 'node:http'
import type { RequestHandler } from 'express'
import type { onRequestHookHandler } from 'fastify'
import { type ServerContender, sendUser, USER } from './contender.ts'

/** @param readsCookie reads the Cookie header, as every session library must */
export async function node({ readsCookie = false } = {}): Promise<ServerContender> {
  if (!readsCookie) return { listener: (_req, res) => sendUser(res, USER) }
  return { listener: (req, res) => sendUser(res, req.headers.cookie === '' ? '' : USER) }
}

/** @param middlewares adds as many middlewares as Pawl does */
export async function express({ middlewares = false } = {}): Promise<ServerContender> {
  const { default: express } = await import('express')
  const app = express()
  if (middlewares) app.use((req, _res, next) => next(req.headers.cookie === '' ? 'route' : undefined))
  const pass: RequestHandler = (_req, _res, next) => next()
  app.get('/me', ...(middlewares ? [pass] : []), (_req, res) => {
    res.json({ id: USER })
  })
  return { listener: app }
}

/** @param hooks adds as many hooks as Pawl does */
export async function fastify({ hooks = false } = {}): Promise<ServerContender> {
  const { default: fastify } = await import('fastify')
  const app = fastify()
  if (hooks)
    app.addHook('onRequest', (request, _reply, done) => {
      done(request.headers.cookie === '' ? new Error('no cookie') : undefined)
    })
  const pass: onRequestHookHandler = (_request, _reply, done) => done()
  app.get('/me', hooks ? { onRequest: pass } : {}, async () => ({ id: USER }))
  await app.ready()
  return { listener: app.routing as RequestListener }
}
