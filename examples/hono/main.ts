import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createSessions } from 'pawl'
import { honoSessions, requireSession, type SessionEnv } from 'pawl/hono'
import { postgres } from 'pawl/postgres'
import { page, userNamed } from '../page.ts'

const { DATABASE_URL, PAWL_SECRET, PORT } = process.env

const sessions = await createSessions<{ name: string }>({
  store: postgres({ connectionString: DATABASE_URL! }),
  secret: PAWL_SECRET!,
})

const app = new Hono<SessionEnv<typeof sessions>>()
app.use(honoSessions(sessions)) // also serves /session/refresh and /session/logout

app.get('/', requireSession({ optional: true }), (c) => {
  return c.html(page(c.var.session.current?.claims.name ?? null))
})

app.post('/login', async (c) => {
  const user = userNamed(await c.req.json().catch(() => null))
  if (user === null) return c.json({ code: 'no_such_user' }, 400)
  return c.json(await c.var.session.create({ userId: user.id, claims: { name: user.name } }))
})

app.get('/me', requireSession(), (c) => {
  const { userId, claims } = c.var.session
  return c.json({ userId, name: claims.name })
})

const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: Number(PORT) }, () => {
  console.log(`Listening on http://localhost:${PORT}`)
}) as Server

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close(() => sessions.close())
    // Browsers keep idle connections open.
    setTimeout(() => server.closeAllConnections(), 1000).unref()
  })
}
