import { H3, HTTPError, html, raw, serve } from 'h3'
import { createSessions } from 'pawl'
import { h3Sessions, requireSession, sessionOf } from 'pawl/h3'
import { postgres } from 'pawl/postgres'
import { page, userNamed } from '../page.ts'

const { DATABASE_URL, PAWL_SECRET, PORT } = process.env

const sessions = await createSessions<{ name: string }>({
  store: postgres({ connectionString: DATABASE_URL! }),
  secret: PAWL_SECRET!,
})

const app = new H3()
app.use(h3Sessions(sessions)) // also serves /session/refresh and /session/logout

app.get('/', (event) => html(raw(page(sessionOf(event, sessions).current?.claims.name ?? null))), {
  middleware: [requireSession({ optional: true })],
})

app.post('/login', async (event) => {
  const user = userNamed(await event.req.json().catch(() => null))
  if (user === null) throw new HTTPError({ status: 400, message: 'No such user' })
  return sessionOf(event, sessions).create({ userId: user.id, claims: { name: user.name } })
})

app.get(
  '/me',
  (event) => {
    const { userId, claims } = sessionOf(event, sessions)
    return { userId, name: claims.name }
  },
  { middleware: [requireSession()] },
)

const server = serve(app, {
  port: Number(PORT),
  hostname: '127.0.0.1',
  silent: true,
  gracefulShutdown: false,
})
await server.ready()
console.log(`Listening on http://localhost:${PORT}`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    // Browsers keep idle connections open.
    const timer = setTimeout(() => server.close(true), 1000)
    await server.close()
    clearTimeout(timer)
    await sessions.close()
  })
}
