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

/** As many middlewares as an application gets with Pawl, and what they put on the request; they do nothing. */
export async function expressWithMiddleware(): Promise<Kind> {
  const { default: express } = await import('express')
  const app = express()
  app.use((req, _res, next) => {
    Object.assign(req, { session: USER })
    next()
  })
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
