import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SeenRequest } from '../observation.ts'
import { isLoopbackPage } from './application.ts'
import { tooLarge, withinLimit } from './body.ts'
import type { Plan } from './fates.ts'
import { hasToken, type Tokens, tokensIn } from './tokens.ts'

/** Where drivers ask for acts and report them. */
const CONTROL = '/conformance'

/** What the server does with a request. */
export interface Traffic {
  /** Notes a request, and says how to treat it. */
  begin(request: SeenRequest): Plan
  serve(request: Request, onHandled: () => void): Promise<Response>
  /** Notes the tokens of an answer, whether or not it arrives. */
  issued(tokens: Tokens): void
  /** @param report undefined: the driver only asks. @returns status and body */
  control(report: unknown): Promise<readonly [number, object]>
}

export interface KitServer {
  /** Without a slash at the end. */
  readonly url: string
  close(): Promise<void>
}

/** Serves the application and the drivers. @param port 0 for any */
export async function openKitServer(port: number, traffic: Traffic): Promise<KitServer> {
  /** Those that the application has set, without values: a page cannot remove them itself. */
  const cookies = new Set<string>()
  const server = createServer((req, res) => {
    const handle = req.url === CONTROL ? control : application
    handle(req, res, traffic, cookies).catch(() => res.destroy())
  })
  return start(server, port, '127.0.0.1')
}

/** Another origin, with another host name, so that it gets no cookies of the API. */
export async function openOtherOrigin(note: (request: SeenRequest) => void): Promise<KitServer> {
  const server = createServer((req, res) => {
    const { pathname } = new URL(req.url!, 'http://localhost')
    const status = pathname === '/refused' ? 401 : 200
    note({ ...seen(req, ''), kind: 'other origin', status })
    req.resume()
    res.writeHead(status, {
      'content-type': 'application/json',
      'access-control-allow-origin': req.headers.origin ?? '*',
      'access-control-allow-credentials': 'true',
      'access-control-allow-headers': req.headers['access-control-request-headers'] ?? '*',
    })
    // What an API of somebody else that runs Pawl answers.
    res.end(status === 401 ? '{"code":"access_token_expired","refresh":true}' : '{}')
  })
  return start(server, 0, 'localhost')
}

async function start(server: Server, port: number, host: string): Promise<KitServer> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

async function control(
  req: IncomingMessage,
  res: ServerResponse,
  traffic: Traffic,
  cookies: Set<string>,
): Promise<void> {
  const { origin } = req.headers
  if (origin !== undefined && isLoopbackPage(origin)) {
    res.setHeader('access-control-allow-origin', origin)
    res.setHeader('access-control-allow-credentials', 'true')
    res.setHeader('access-control-allow-headers', 'content-type')
  }
  const body = await withinLimit(req)
  if (req.method === 'OPTIONS') return void res.writeHead(204).end()
  if (body === null) return tooLarge(res)
  let report: unknown
  try {
    report = req.method === 'POST' ? JSON.parse(body) : undefined
  } catch {
    report = null
  }
  const [status, answer] = await traffic.control(report)
  if ('do' in answer && answer.do === 'start' && cookies.size > 0) res.setHeader('set-cookie', [...cookies])
  res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  res.end(JSON.stringify(answer))
}

async function application(
  req: IncomingMessage,
  res: ServerResponse,
  traffic: Traffic,
  cookies: Set<string>,
): Promise<void> {
  const body = await withinLimit(req)
  if (body === null) return tooLarge(res)
  const request = seen(req, body)
  // A preflight is the browser's, not the client's.
  const plan = req.method === 'OPTIONS' ? {} : traffic.begin(request)
  if (plan.isLost) return void res.destroy()
  await plan.before
  const answer =
    plan.instead === undefined
      ? await traffic.serve(toRequest(req, body), () => {
          request.handled = true
        })
      : withCors(plan.instead, req)
  const text = await answer.text()
  traffic.issued(tokensIn([...answer.headers.values(), text].join('\n')))
  if (plan.isAnswerLost) return void res.destroy()
  await plan.after?.(answer.status)
  request.status = answer.status
  for (const [name, value] of answer.headers) if (name !== 'set-cookie') res.setHeader(name, value)
  const set = answer.headers.getSetCookie()
  for (const cookie of set) cookies.add(removed(cookie))
  if (set.length > 0) res.setHeader('set-cookie', set)
  res.writeHead(answer.status).end(text)
}

/** The `Set-Cookie` that removes a cookie. */
function removed(cookie: string): string {
  const [, name = '', path = '/'] = /^([^=]*)=.*?; Path=([^;]*)/i.exec(cookie) ?? []
  return `${name}=; Path=${path}; Max-Age=0`
}

function toRequest(req: IncomingMessage, body: string): Request {
  const headers = new Headers()
  for (const [name, value] of Object.entries(req.headersDistinct))
    for (const each of value ?? []) headers.append(name, each)
  const method = req.method!
  const init = method === 'GET' || method === 'HEAD' || body === '' ? {} : { body }
  return new Request(`http://${req.headers.host}${req.url}`, { method, headers, ...init })
}

/** A browser's client must be able to read what the kit answers itself. */
function withCors(answer: Response, req: IncomingMessage): Response {
  const { origin } = req.headers
  if (origin === undefined || !isLoopbackPage(origin)) return answer
  answer.headers.set('access-control-allow-origin', origin)
  answer.headers.set('access-control-allow-credentials', 'true')
  answer.headers.set('access-control-expose-headers', 'retry-after')
  return answer
}

function seen(req: IncomingMessage, body: string): SeenRequest {
  const { pathname } = new URL(req.url!, 'http://localhost')
  const url = decoded(req.url!)
  const { accessToken, refreshToken } = tokensIn([...Object.values(req.headers), url, body].join('\n'))
  return {
    kind: kindOf(req.method!, pathname),
    method: req.method!,
    path: pathname.replace(/[^\w/.-]/g, '').slice(0, 60),
    hasAccessToken: accessToken !== undefined,
    hasRefreshToken: refreshToken !== undefined,
    hasTokenInUrl: hasToken(tokensIn(`${url}\n${decoded(req.headers.referer ?? '')}`)),
    at: performance.now(),
    handled: false,
    status: null,
  }
}

function kindOf(method: string, path: string): SeenRequest['kind'] {
  if (method !== 'POST') return 'application'
  if (path.endsWith('/session/refresh')) return 'refresh'
  if (path === '/login') return 'sign-in'
  return path === '/session/logout' || path === '/auth/signout' ? 'sign-out' : 'application'
}

function decoded(url: string): string {
  try {
    return decodeURIComponent(url)
  } catch {
    return url
  }
}
