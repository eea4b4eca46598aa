import { randomBytes } from 'node:crypto'
import { type FetchSessions, fetchSessions } from '../../../../adapters/fetch/index.ts'
import { type ClaimsObject, createSessions, type Sessions } from '../../../../index.ts'
import { memory } from '../../../../memory/index.ts'
import { isLoopbackHost } from '../../../../portable/loopback.ts'
import { supertokens } from '../../../../supertokens/index.ts'
import { NOTE, type Protocol } from '../scenario.ts'
import { type Tokens, tokensIn } from './tokens.ts'

/** Pawl with an application behind it, on a clock that the kit turns. A new one for each scenario. */
export interface Application {
  readonly sessions: Sessions
  /** Turns the clock. */
  advance(seconds: number): void
  /** Answers a request. @param onHandled called when the handler runs */
  serve(request: Request, onHandled: () => void): Promise<Response>
  /** Sends a request that the client knows nothing of. */
  refreshAs(tokens: Tokens): Promise<Tokens>
  requestAs(tokens: Tokens): Promise<void>
}

/**
 * @param ahead how far the clock is ahead, in seconds
 * @param away where the redirect of `GET /away` leads
 */
export async function openApplication(protocol: Protocol, ahead: number, away: string): Promise<Application> {
  let time = Date.now() + ahead * 1000
  const sessions = await createSessions({
    store: memory(),
    secret: randomBytes(32),
    now: () => time,
    privacy: { pruneInterval: null },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  })
  const withSession = fetchSessions(sessions, {
    insecureLocalhost: true,
    cors: true,
    trustedOrigins: isLoopbackPage,
    ...(protocol === 'fdi' && { protocol: supertokens({ apiBasePath: '/auth' }) }),
  })

  const serve: Application['serve'] = (request, onHandled) =>
    answer(withSession, request, away, onHandled).catch(() => new Response(null, { status: 500 }))

  async function send(
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: object,
  ): Promise<Response> {
    const init = body === undefined ? {} : { body: JSON.stringify(body) }
    return serve(new Request(`http://127.0.0.1${path}`, { method, headers, ...init }), () => {})
  }

  return {
    sessions,
    advance(seconds) {
      time += seconds * 1000
    },
    serve,
    async refreshAs({ refreshToken }) {
      const headers = { 'pawl-transport': 'bearer', 'content-type': 'application/json' }
      const response = await send('POST', '/session/refresh', headers, { refreshToken })
      return tokensIn(await response.text())
    },
    async requestAs({ accessToken }) {
      await send('GET', '/me', { authorization: `Bearer ${accessToken}` })
    },
  }
}

/** A page that a driver runs in: on this machine, or the web view of an app. */
export function isLoopbackPage(origin: string): boolean {
  const { protocol, hostname } = new URL(origin)
  return !/^https?:$/.test(protocol) || isLoopbackHost(hostname)
}

function answer(
  withSession: FetchSessions<ClaimsObject, unknown>,
  request: Request,
  away: string,
  onHandled: () => void,
): Promise<Response> {
  const { pathname } = new URL(request.url)
  const isLogin = pathname === '/login'
  return withSession(
    request,
    async (session) => {
      onHandled()
      if (isLogin) {
        const { user } = (await request.json()) as { user?: unknown }
        return Response.json(await session.create({ userId: String(user) }))
      }
      switch (`${request.method} ${pathname}`) {
        case 'GET /me':
        case 'GET /notes':
          return Response.json({ user: session.userId })
        case 'POST /notes':
          return new Response(null, { status: (await request.text()) === NOTE ? 201 : 422 })
        case 'GET /theirs':
          return Response.json({ error: 'the password of the archive is wrong' }, { status: 401 })
        case 'GET /away':
          return new Response(null, { status: 302, headers: { location: away } })
        default:
          return new Response(null, { status: 404 })
      }
    },
    { required: !isLogin, ip: '127.0.0.1' },
  )
}
