import type { RequestListener } from 'node:http'
import { type ServerContender, sendUser, USER } from './contender.ts'

export async function node(): Promise<ServerContender> {
  return { listener: (_req, res) => sendUser(res, USER) }
}

/** Reads the Cookie header, as every session library must. */
export async function nodeReadingCookies(): Promise<ServerContender> {
  return { listener: (req, res) => sendUser(res, req.headers.cookie === '' ? '' : USER) }
}

export async function express(): Promise<ServerContender> {
  const { default: express } = await import('express')
  const app = express()
  app.get('/me', (_req, res) => {
    res.json({ id: USER })
  })
  return { listener: app }
}

/** As many middlewares as Pawl adds. */
export async function expressWithMiddlewares(): Promise<ServerContender> {
  const { default: express } = await import('express')
  const app = express()
  app.use((req, _res, next) => next(req.headers.cookie === '' ? 'route' : undefined))
  app.get(
    '/me',
    (_req, _res, next) => next(),
    (_req, res) => {
      res.json({ id: USER })
    },
  )
  return { listener: app }
}

export async function fastify(): Promise<ServerContender> {
  const { default: fastify } = await import('fastify')
  const app = fastify()
  app.get('/me', async () => ({ id: USER }))
  await app.ready()
  return { listener: app.routing as RequestListener }
}

/** As many hooks as Pawl adds. */
export async function fastifyWithHooks(): Promise<ServerContender> {
  const { default: fastify } = await import('fastify')
  const app = fastify()
  app.addHook('onRequest', (request, _reply, done) => {
    done(request.headers.cookie === '' ? new Error('no cookie') : undefined)
  })
  app.get('/me', { onRequest: (_request, _reply, done) => done() }, async () => ({ id: USER }))
  await app.ready()
  return { listener: app.routing as RequestListener }
}
