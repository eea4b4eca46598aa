import { randomBytes } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { createSessions } from 'pawl'
import { memory } from 'pawl/memory'
import { answer } from './answer.ts'
import { CLAIMS, type Kind, USER } from './kind.ts'

// A protected GET asks no store for anything, so which one it is does not matter.
const sessions = await createSessions<typeof CLAIMS>({ store: memory(), secret: randomBytes(32) })
const { accessToken } = await sessions.create({ userId: USER, claims: CLAIMS })
const cookie = `__Host-pawl-access=${accessToken.value}`

export async function node(): Promise<Kind> {
  const { nodeSessions } = await import('pawl/node')
  const withSession = nodeSessions(sessions)
  return { cookie, listener: withSession((_req, res, session) => answer(res, session.userId), {}) }
}

export async function express(): Promise<Kind> {
  const { default: express } = await import('express')
  const { expressSessions, requireSession, sessionOf } = await import('pawl/express')
  const app = express()
  app.use(expressSessions(sessions))
  app.get('/me', requireSession(), (req, res) => {
    res.json({ id: sessionOf(req, sessions).userId })
  })
  return { cookie, listener: app }
}

export async function fastify(): Promise<Kind> {
  const { default: fastify } = await import('fastify')
  const { fastifySessions, requireSession, sessionOf } = await import('pawl/fastify')
  const app = fastify()
  app.register(fastifySessions(sessions))
  app.get('/me', { onRequest: requireSession() }, async (request) => ({
    id: sessionOf(request, sessions).userId,
  }))
  await app.ready()
  return { cookie, listener: app.routing as RequestListener }
}
