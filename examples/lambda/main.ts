import { createServer, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { type FunctionUrlEvent, handler } from './handler.ts'

/** Stands in for AWS: calls the function as a function URL does. Deploy handler.ts alone. */
const server = createServer(async (req, res) => {
  const { statusCode, headers, cookies, body } = await handler(await toEvent(req))
  res.writeHead(statusCode, { ...headers, 'set-cookie': [...cookies] })
  res.end(Buffer.from(body, 'base64'))
})
const { PORT } = process.env
server.listen(Number(PORT), '127.0.0.1', () => console.log(`Listening on http://localhost:${PORT}`))

async function toEvent(req: IncomingMessage): Promise<FunctionUrlEvent> {
  const { pathname, search } = new URL(req.url ?? '/', 'http://localhost')
  const { cookie, ...headers } = req.headers
  const body = await buffer(req)
  return {
    rawPath: pathname,
    rawQueryString: search.slice(1),
    headers: { ...(headers as Record<string, string>), 'x-forwarded-proto': 'http' },
    ...(cookie !== undefined && { cookies: cookie.split('; ') }),
    requestContext: { http: { method: req.method ?? 'GET', sourceIp: req.socket.remoteAddress ?? '' } },
    ...(body.length > 0 && { body: body.toString('base64') }),
    isBase64Encoded: body.length > 0,
  }
}

// The platform ends a function without asking it. So does this.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit())
