import { randomBytes } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { createSessions } from 'pawl'
import { memory } from 'pawl/memory'
import { CLAIMS, type ServerContender, sendUser, USER } from './contender.ts'

// The kind of store does not matter: a protected GET reads none.
const sessions = await createSessions<typeof CLAIMS>({ store: memory(), secret: randomBytes(32) })
const { accessToken } = await sessions.create({ userId: USER, claims: CLAIMS })
const cookie = `__Host-pawl-access=${accessToken.value}`

export async function node(): Promise<ServerContender> {
  const { nodeSessions } = await import('pawl/node')
  const withSession = nodeSessions(sessions)
  return { cookie, listener: withSession((_req, res, session) => sendUser(res, session.userId), {}) }
}

export async function express(): Promise<ServerContender> {
  const { default: express } = await import('express')
  const { expressSessions, requireSession, sessionOf } = await import('pawl/express')
  const app = express()
  app.use(expressSessions(sessions))
  app.get('/me', requireSession(), (req, res) => {
    res.json({ id: sessionOf(req, sessions).userId })
  })
  return { cookie, listener: app }
}

export async function fastify(): Promise<ServerContender> {
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
