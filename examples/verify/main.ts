import express from 'express'
import { createSessions } from 'pawl'
import { expressSessions, requireSession, sessionErrors, sessionOf } from 'pawl/express'
import { postgres } from 'pawl/postgres'
import { page, userNamed } from '../page.ts'
import { createReports } from './reports.ts'

const { DATABASE_URL, PAWL_SECRET } = process.env
const PORT = Number(process.env['PORT'])

const sessions = await createSessions<{ name: string }>({
  store: postgres({ connectionString: DATABASE_URL! }),
  secret: PAWL_SECRET!,
  keys: { algorithm: 'EdDSA' }, // other services get only the public half
})

const app = express()
app.use(express.json())
app.use(expressSessions(sessions, { revocations: true })) // also serves /session/revocations and the public keys

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

// In a deployment this is another process.
const reports = createReports(`http://127.0.0.1:${PORT}`)
reports.listen(PORT + 1, '127.0.0.1', () => {
  console.log(`The reports service listens on http://localhost:${PORT + 1}`)
})

const server = app.listen(PORT, '127.0.0.1', (error) => {
  if (error) throw error
  console.log(`Listening on http://localhost:${PORT}`)
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close(() => sessions.close())
    reports.close()
    // Browsers keep idle connections open.
    setTimeout(() => {
      server.closeAllConnections()
      reports.closeAllConnections()
    }, 1000).unref()
  })
}
