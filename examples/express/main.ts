import express from 'express'
import { createSessions } from 'pawl'
import { expressSessions, requireSession, sessionErrors, sessionOf } from 'pawl/express'
import { postgres } from 'pawl/postgres'
import { page, userNamed } from '../page.ts'

const { DATABASE_URL, PAWL_SECRET, PORT } = process.env

const sessions = await createSessions<{ name: string }>({
  store: postgres({ connectionString: DATABASE_URL! }),
  secret: PAWL_SECRET!,
})

const app = express()
app.use(express.json())
app.use(expressSessions(sessions)) // also serves /session/refresh and /session/logout

app.get('/', requireSession({ optional: true }), (req, res) => {
  res.send(page(sessionOf(req, sessions).current?.claims.name ?? null))
})

app.post('/login', async (req, res) => {
  const user = userNamed(req.body)
  if (user === null) return res.status(400).json({ code: 'no_such_user' })
  res.json(await sessionOf(req, sessions).create({ userId: user.id, claims: { name: user.name } }))
})

app.get('/me', requireSession(), (req, res) => {
  const { userId, claims } = sessionOf(req, sessions)
  res.json({ userId, name: claims.name })
})

app.use(sessionErrors())

const server = app.listen(Number(PORT), '127.0.0.1', (error) => {
  if (error) throw error
  console.log(`Listening on http://localhost:${PORT}`)
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close(() => sessions.close())
    setTimeout(() => server.closeAllConnections(), 1000).unref()
  })
}
