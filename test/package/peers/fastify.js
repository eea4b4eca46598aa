import fastify from 'fastify'
import { fastifySessions, requireSession, sessionOf } from 'pawl/fastify'
import { listening, openSessions, visit } from './visit.js'

const sessions = await openSessions()
const app = fastify()
app.register(fastifySessions(sessions))
app.post('/login', (request) =>
  sessionOf(request, sessions).create({ userId: 'anna', claims: { role: 'admin' } }),
)
app.get('/me', { onRequest: requireSession() }, (request, reply) => {
  const { userId, claims } = sessionOf(request, sessions)
  reply.send({ userId, role: claims.role })
})
await app.listen({ port: 0, host: 'localhost' })
await visit(await listening(app.server))
