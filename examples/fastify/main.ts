import fastify from 'fastify'
import { createSessions } from 'pawl'
import { fastifySessions, requireSession, sessionOf } from 'pawl/fastify'
import { postgres } from 'pawl/postgres'
import { page, userNamed } from '../page.ts'

const { DATABASE_URL, PAWL_SECRET, PORT } = process.env

const sessions = await createSessions<{ name: string }>({
  store: postgres({ connectionString: DATABASE_URL! }),
  secret: PAWL_SECRET!,
})

const app = fastify()
app.register(fastifySessions(sessions)) // also serves /session/refresh and /session/logout

app.get('/', { onRequest: requireSession({ optional: true }) }, (request, reply) => {
  reply.type('text/html').send(page(sessionOf(request, sessions).current?.claims.name ?? null))
})

app.post('/login', async (request, reply) => {
  const user = userNamed(request.body)
  if (user === null) return reply.code(400).send({ code: 'no_such_user' })
  return sessionOf(request, sessions).create({ userId: user.id, claims: { name: user.name } })
})

app.get('/me', { onRequest: requireSession() }, (request) => {
  const { userId, claims } = sessionOf(request, sessions)
  return { userId, name: claims.name }
})

app.addHook('onClose', () => sessions.close())

await app.listen({ host: '127.0.0.1', port: Number(PORT) })
console.log(`Listening on http://localhost:${PORT}`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void app.close()
    // Browsers keep idle connections open.
    setTimeout(() => app.server.closeAllConnections(), 1000).unref()
  })
}
