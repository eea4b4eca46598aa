import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { createSessions } from 'pawl'
import { type FetchInfo, fetchSessions, type SessionOf } from 'pawl/fetch'
import { postgres } from 'pawl/postgres'
import { page, userNamed } from '../page.ts'

const { DATABASE_URL, PAWL_SECRET, PORT } = process.env

const sessions = await createSessions<{ name: string }>({
  store: postgres({ connectionString: DATABASE_URL! }),
  secret: PAWL_SECRET!,
})
const withSession = fetchSessions(sessions)

interface Route extends FetchInfo {
  readonly handler: (session: SessionOf<typeof sessions>, request: Request) => Response | Promise<Response>
}

const routes: Readonly<Record<string, Route>> = {
  'GET /': {
    optional: true,
    handler: ({ current }) => htmlResponse(page(current?.claims.name ?? null)),
  },
  'POST /login': {
    async handler(session, request) {
      const user = userNamed(await request.json().catch(() => null))
      if (user === null) return Response.json({ code: 'no_such_user' }, { status: 400 })
      return Response.json(await session.create({ userId: user.id, claims: { name: user.name } }))
    },
  },
  'GET /me': {
    required: true,
    handler: ({ userId, claims }) => Response.json({ userId, name: claims.name }),
  },
}
const notFound: Route = { handler: () => Response.json({ code: 'not_found' }, { status: 404 }) }

/** The whole server. Runtimes with a fetch handler, such as Deno and Bun, use this function directly. */
function handle(request: Request, ip: string | undefined): Promise<Response> {
  const { handler, ...info } = routes[`${request.method} ${new URL(request.url).pathname}`] ?? notFound
  // Also serves /session/refresh and /session/logout.
  return withSession(request, (session) => handler(session, request), { ...info, ip })
}

function htmlResponse(text: string): Response {
  return new Response(text, { headers: { 'content-type': 'text/html; charset=utf-8' } })
}

const server = serve(
  {
    fetch: (request, { incoming }) => handle(request, incoming.socket.remoteAddress),
    hostname: '127.0.0.1',
    port: Number(PORT),
  },
  () => console.log(`Listening on http://localhost:${PORT}`),
) as Server

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close(() => sessions.close())
    // Browsers keep idle connections open.
    setTimeout(() => server.closeAllConnections(), 1000).unref()
  })
}
