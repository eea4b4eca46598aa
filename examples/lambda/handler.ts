import { createSessions } from 'pawl'
import { fetchSessions, type SessionOf } from 'pawl/fetch'
import { postgres } from 'pawl/postgres'
import { page, userNamed } from '../page.ts'

/** The request of a function URL, and of an HTTP API with payload format 2.0. */
export interface FunctionUrlEvent {
  readonly rawPath: string
  readonly rawQueryString: string
  readonly headers: Readonly<Record<string, string>>
  readonly cookies?: readonly string[]
  readonly requestContext: { readonly http: { readonly method: string; readonly sourceIp: string } }
  readonly body?: string
  readonly isBase64Encoded: boolean
}

export interface FunctionUrlResponse {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly cookies: readonly string[]
  readonly body: string
  readonly isBase64Encoded: boolean
}

const { DATABASE_URL, PAWL_SECRET, CRON_SECRET = PAWL_SECRET } = process.env

// Outside of the handler: once for each process, which answers many requests.
const sessions = await createSessions<{ name: string }>({
  store: postgres({ connectionString: DATABASE_URL! }),
  secret: PAWL_SECRET!,
  serverless: true,
})
// A schedule of EventBridge or any other cron calls GET /session/prune with the secret.
const withSession = fetchSessions(sessions, { cron: { secret: CRON_SECRET } })

/** The function. Lambda freezes the process when the promise resolves: by then Pawl has written everything. */
export async function handler(event: FunctionUrlEvent): Promise<FunctionUrlResponse> {
  const request = toRequest(event)
  const { method, sourceIp } = event.requestContext.http
  const route = `${method} ${event.rawPath}`
  // Also serves /session/refresh and /session/logout.
  const response = await withSession(request, (session) => answer(route, session, request), { ip: sourceIp })
  return toResult(response)
}

async function answer(
  route: string,
  session: SessionOf<typeof sessions>,
  request: Request,
): Promise<Response> {
  switch (route) {
    case 'GET /':
      return new Response(page(session.current?.claims.name ?? null), {
        headers: { 'content-type': 'text/html; charset=utf-8' },
      })
    case 'POST /login': {
      const user = userNamed(await request.json().catch(() => null))
      if (user === null) return Response.json({ code: 'no_such_user' }, { status: 400 })
      return Response.json(await session.create({ userId: user.id, claims: { name: user.name } }))
    }
    case 'GET /me':
      // Without a session this throws, and Pawl answers 401.
      return Response.json({ userId: session.userId, name: session.claims.name })
    default:
      return Response.json({ code: 'not_found' }, { status: 404 })
  }
}

function toRequest(event: FunctionUrlEvent): Request {
  const { rawPath, rawQueryString, requestContext, cookies = [], body, isBase64Encoded } = event
  const headers = new Headers(event.headers)
  // Lambda takes the cookies out of the headers.
  if (cookies.length > 0) headers.set('cookie', cookies.join('; '))
  const query = rawQueryString === '' ? '' : `?${rawQueryString}`
  const url = `${headers.get('x-forwarded-proto') ?? 'https'}://${headers.get('host')}${rawPath}${query}`
  const { method } = requestContext.http
  const bytes = body === undefined ? null : Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8')
  return new Request(url, { method, headers, body: method === 'GET' || method === 'HEAD' ? null : bytes })
}

async function toResult(response: Response): Promise<FunctionUrlResponse> {
  const headers = new Headers(response.headers)
  headers.delete('set-cookie')
  return {
    statusCode: response.status,
    headers: Object.fromEntries(headers),
    // Several cookies do not fit into one header.
    cookies: response.headers.getSetCookie(),
    body: Buffer.from(await response.arrayBuffer()).toString('base64'),
    isBase64Encoded: true,
  }
}
