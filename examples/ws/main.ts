import express from 'express'
import { createSessions } from 'pawl'
import { expressSessions, requireSession, sessionErrors, sessionOf } from 'pawl/express'
import { nodeSessions } from 'pawl/node'
import { postgres } from 'pawl/postgres'
import { WebSocketServer } from 'ws'
import { page, userNamed } from '../page.ts'
import { SOCKET } from './socket.ts'

const { DATABASE_URL, PAWL_SECRET, PORT } = process.env

const sessions = await createSessions<{ name: string }>({
  store: postgres({ connectionString: DATABASE_URL! }),
  secret: PAWL_SECRET!,
})

const app = express()
app.use(express.json())
app.use(expressSessions(sessions))

app.get('/', requireSession({ optional: true }), (req, res) => {
  res.send(page(sessionOf(req, sessions).current?.claims.name ?? null, { more: SOCKET }))
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

const sockets = new WebSocketServer({ noServer: true, path: '/socket', maxPayload: 1024 })

server.on(
  'upgrade',
  nodeSessions(sessions).upgrade((req, socket, head, session) => {
    sockets.handleUpgrade(req, socket, head, (ws) => {
      ws.on('error', () => {}) // a protocol error also closes the socket
      ws.on('message', (text) => ws.send(`${session.claims.name} says: ${text}`))
      const stop = sessions.onEnded(session.sessionId, (reason) => {
        // The client can still send messages until it confirms the close.
        ws.removeAllListeners('message')
        ws.close(4001, reason)
      })
      ws.on('close', stop)
      ws.send(`You are ${session.claims.name}.`)
    })
  }),
)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close(() => sessions.close())
    // Browsers keep idle connections open.
    setTimeout(() => server.closeAllConnections(), 1000).unref()
    for (const ws of sockets.clients) ws.close(1001)
  })
}
