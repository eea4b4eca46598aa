import type { RequestListener } from 'node:http'
import { answer } from './answer.ts'
import { type Kind, USER } from './kind.ts'

export async function node(): Promise<Kind> {
  return { listener: (_req, res) => answer(res, USER) }
}

export async function express(): Promise<Kind> {
  const { default: express } = await import('express')
  const app = express()
  app.get('/me', (_req, res) => {
    res.json({ id: USER })
  })
  return { listener: app }
}

/** What no session library can do without: it looks at the Cookie header. Here for nothing. */
export async function nodeThatLooks(): Promise<Kind> {
  return { listener: (req, res) => answer(res, req.headers.cookie === '' ? '' : USER) }
}

/** As many middlewares as an application gets with Pawl. */
export async function expressThatLooks(): Promise<Kind> {
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

export async function fastify(): Promise<Kind> {
  const { default: fastify } = await import('fastify')
  const app = fastify()
  app.get('/me', async () => ({ id: USER }))
  await app.ready()
  return { listener: app.routing as RequestListener }
}

/** As many hooks as an application gets with Pawl. */
export async function fastifyThatLooks(): Promise<Kind> {
  const { default: fastify } = await import('fastify')
  const app = fastify()
  app.addHook('onRequest', (request, _reply, done) => {
    done(request.headers.cookie === '' ? new Error('no cookie') : undefined)
  })
  app.get('/me', { onRequest: (_request, _reply, done) => done() }, async () => ({ id: USER }))
  await app.ready()
  return { listener: app.routing as RequestListener }
}
