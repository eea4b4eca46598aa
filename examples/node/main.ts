import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createSessions } from 'pawl'
import { nodeSessions } from 'pawl/node'
import { postgres } from 'pawl/postgres'
import { page, userNamed } from '../page.ts'

const { DATABASE_URL, PAWL_SECRET, PORT } = process.env

const sessions = await createSessions<{ name: string }>({
  store: postgres({ connectionString: DATABASE_URL! }),
  secret: PAWL_SECRET!,
})
const withSession = nodeSessions(sessions)

const routes: Readonly<Record<string, (req: IncomingMessage, res: ServerResponse) => Promise<void>>> = {
  'GET /': withSession(
    (_req, res, session) => {
      res.setHeader('content-type', 'text/html')
      res.end(page(session.current?.claims.name ?? null))
    },
    { optional: true },
  ),

  'POST /login': withSession(async (req, res, session) => {
    const user = userNamed(await readJson(req))
    if (user === null) return sendJson(res, 400, { code: 'no_such_user' })
    sendJson(res, 200, await session.create({ userId: user.id, claims: { name: user.name } }))
  }),

  'GET /me': withSession((_req, res, { userId, claims }) => {
    sendJson(res, 200, { userId, name: claims.name })
  }, {}),
}

// Also serves /session/refresh and /session/logout, as every handler does.
const notFound = withSession((_req, res) => sendJson(res, 404, { code: 'not_found' }))

const server = createServer((req, res) => {
  const path = req.url?.replace(/\?.*$/, '')
  const serve = routes[`${req.method} ${path}`] ?? notFound
  void serve(req, res)
})

server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`Listening on http://localhost:${PORT}`)
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close(() => sessions.close())
    // Browsers keep idle connections open.
    setTimeout(() => server.closeAllConnections(), 1000).unref()
  })
}

function sendJson(res: ServerResponse, status: number, body: unknown): void {
  res.statusCode = status
  res.setHeader('content-type', 'application/json')
  res.end(JSON.stringify(body))
}

/** The JSON body of a request; null if it is too long or invalid. */
async function readJson(req: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of req.setEncoding('utf8')) {
    text += chunk
    if (text.length > 10_000) return null
  }
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
