import { once } from 'node:events'
import { createServer } from 'node:http'
import { fetchSessions } from 'pawl/fetch'
import { nodeSessions } from 'pawl/node'

export const NODE = 'node:http'

const OPTIONS = { revocations: true }
const NOT_FOUND = [404, { code: 'not_found' }]

/** Starts the application on a free port of one server. */
export async function serverOf(kind, application) {
  if (kind === NODE) return startNode(application)
  const handle = fetchHandler(application)
  if (kind === 'Bun.serve') return startBun(handle)
  if (kind === 'Deno.serve') return startDeno(handle)
  throw new Error(`There is no server ${kind}.`)
}

async function startNode({ sessions, routes, outside }) {
  const withSession = nodeSessions(sessions, OPTIONS)
  const answer = withSession(async (req, res, session) => {
    const [key, query] = routeOf(req.method, req.url)
    const readBody = async () => {
      const chunks = []
      for await (const chunk of req) chunks.push(chunk)
      return Buffer.concat(chunks).toString()
    }
    const body = await routes[key]?.(session, query, readBody)
    sendJson(res, ...(body === undefined ? NOT_FOUND : [200, body]))
  })
  const server = createServer(async (req, res) => {
    const [key, query] = routeOf(req.method, req.url)
    const headers = { get: (name) => req.headers[name] ?? null }
    if (outside[key] === undefined) await answer(req, res)
    else sendJson(res, 200, await outside[key](query, headers))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: server.address().port, close: () => new Promise((resolve) => server.close(resolve)) }
}

function fetchHandler({ sessions, routes, outside }) {
  const withSession = fetchSessions(sessions, OPTIONS)
  return async (request, ip) => {
    const [key, query] = routeOf(request.method, request.url)
    if (outside[key] !== undefined) return Response.json(await outside[key](query, request.headers))
    const handler = async (session) => {
      const body = await routes[key]?.(session, query, () => request.text())
      const [status, answered] = body === undefined ? NOT_FOUND : [200, body]
      return Response.json(answered, { status })
    }
    return withSession(request, handler, { ip })
  }
}

function startBun(handle) {
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request, self) => handle(request, self.requestIP(request)?.address),
  })
  return { port: server.port, close: () => server.stop() }
}

function startDeno(handle) {
  const server = Deno.serve({ hostname: '127.0.0.1', port: 0, onListen() {} }, (request, { remoteAddr }) =>
    handle(request, remoteAddr.hostname),
  )
  return { port: server.addr.port, close: () => server.shutdown() }
}

function routeOf(method, target) {
  const { pathname, searchParams } = new URL(target, 'http://application.invalid')
  return [`${method} ${pathname}`, Object.fromEntries(searchParams)]
}

function sendJson(res, status, body) {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
