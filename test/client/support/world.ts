import type { RequestListener } from 'node:http'
import { onTestFinished, vi } from 'vitest'
import {
  type HttpOptions,
  nodeSessions,
  type RequestSession,
  type UpgradeHandler,
} from '../../../src/adapters/node/index.ts'
import {
  createSessionClient,
  type SessionClient,
  type SessionClientOptions,
} from '../../../src/client/index.ts'
import type { ClaimsObject, Sessions, SessionsOptions } from '../../../src/index.ts'
import type { FakeClock } from '../../support/fake-clock.ts'
import { type CookieJar, createJar } from '../../support/http-jar.ts'
import { listen } from '../../support/http-server.ts'
import { openWithClock } from '../../support/sessions.ts'

export interface User {
  readonly id: string
}

/** A real server, and a browser whose network the test can manipulate. */
export interface World {
  readonly origin: string
  readonly sessions: Sessions
  readonly clock: FakeClock
  readonly jar: CookieJar
  /** The requests that reached the server: `POST /session/refresh`. */
  readonly log: string[]
  count(request: string): number
  /** The `fetch` of the browser. */
  readonly fetch: typeof fetch
  /** Handlers that answer requests instead of the server, by request. `pass` calls the server. */
  readonly intercept: Map<
    string,
    (pass: () => Promise<Response>, request: Request) => Response | Promise<Response>
  >
  /** Opens a tab. */
  client(options?: SessionClientOptions<User>): SessionClient<User>
  login(client: SessionClient<User>, user?: string): Promise<boolean>
  /** Moves the server's clock until the access token has expired. */
  expire(): void
}

/** The original function: a test may replace the global one. */
const network = globalThis.fetch

/**
 * @param upgrade serves the WebSockets of the server
 * @param given options of `createSessions`
 */
export async function openWorld(
  http: HttpOptions = {},
  upgrade?: (sessions: Sessions) => UpgradeHandler<ClaimsObject, unknown>,
  given: Partial<SessionsOptions> = {},
): Promise<World> {
  const { sessions, clock } = await openWithClock(given)
  const log: string[] = []
  const withSession = nodeSessions(sessions, http)
  const answer = async (name: string, session: RequestSession, body: string): Promise<[number, unknown]> => {
    if (name === 'POST /login')
      return body === 'wrong'
        ? [401, { code: 'wrong_password' }]
        : [200, await session.create({ userId: body })]
    if (name === 'POST /act') return [200, await session.actAs({ userId: body })]
    if (name === 'POST /stop') return [200, await session.stopActing()]
    if (name === 'GET /public') return [200, {}]
    if (name === 'GET /theirs') return [401, { error: 'not ours' }]
    const { userId } = session
    return [200, { id: userId, body }]
  }
  const serve: RequestListener = async (req, res) => {
    const chunks: Buffer[] = []
    const name = `${req.method} ${req.url!.replace(/\?.*/, '')}`
    log.push(name)
    await withSession(async (_req, _res, session) => {
      for await (const chunk of req) chunks.push(chunk as Buffer)
      const [status, body] = await answer(name, session, Buffer.concat(chunks).toString())
      res.writeHead(status, { 'content-type': 'application/json' })
      res.end(JSON.stringify({ ...(body as object), csrf: req.headers['pawl-csrf'] }))
    })(req, res)
  }
  const port = await listen(serve, upgrade && withSession.upgrade(upgrade(sessions)))
  const origin = `http://127.0.0.1:${port}`
  const jar = createJar()
  const intercept: World['intercept'] = new Map()

  const browserFetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init)
    const { pathname } = new URL(request.url)
    async function pass(): Promise<Response> {
      const headers = new Headers(request.headers)
      const cookie = jar.header(pathname)
      if (cookie !== undefined && request.credentials === 'include') headers.set('cookie', cookie)
      const response = await network(new Request(request, { headers }))
      jar.store(response.headers.getSetCookie())
      return response
    }
    const handler = intercept.get(`${request.method} ${pathname}`)
    return handler === undefined ? pass() : handler(pass, request)
  }

  return {
    origin,
    sessions,
    clock,
    jar,
    log,
    count: (name) => log.filter((other) => other === name).length,
    fetch: browserFetch,
    intercept,
    client(options = {}) {
      const client = createSessionClient<User>({ baseUrl: origin, fetch: browserFetch, ...options })
      onTestFinished(() => client.close())
      return client
    },
    login: (client, user = 'anna') =>
      client.signIn(async () => {
        const response = await client.fetch('/login', { method: 'POST', body: user })
        return response.ok ? response.json() : null
      }),
    expire: () => clock.advance(3600),
  }
}

/** Gives Node.js the parts of a browser that a client in cookie mode uses. */
export function stubBrowser(origin: string): void {
  vi.stubGlobal('location', { origin })
  const events = new EventTarget()
  vi.stubGlobal('addEventListener', events.addEventListener.bind(events))
  vi.stubGlobal('removeEventListener', events.removeEventListener.bind(events))
  vi.stubGlobal('dispatchEvent', events.dispatchEvent.bind(events))
  onTestFinished(() => void vi.unstubAllGlobals())
}

/** Replaces `navigator.locks`, for one lock. Records the names of the requested locks. */
export function stubLocks(): { requests: string[] } {
  const requests: string[] = []
  let queue: Promise<unknown> = Promise.resolve()
  const locks = {
    request(
      name: string,
      { signal }: { signal: AbortSignal },
      run: () => Promise<unknown>,
    ): Promise<unknown> {
      requests.push(name)
      const previous = queue
      const mine = (async () => {
        await Promise.race([
          previous,
          new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('abort')))),
        ])
        return run()
      })()
      queue = Promise.allSettled([previous, mine])
      return mine
    },
  }
  vi.stubGlobal('navigator', { locks })
  onTestFinished(() => void vi.unstubAllGlobals())
  return { requests }
}

/** Replaces `BroadcastChannel` by one that delivers synchronously. */
export function stubChannel(): void {
  const all = new Set<Channel>()
  class Channel {
    readonly name: string
    onmessage: (event: { data: unknown }) => void = () => {}
    constructor(name: string) {
      this.name = name
      all.add(this)
    }
    postMessage(data: unknown): void {
      for (const other of all) if (other !== this) other.onmessage({ data })
    }
    close(): void {
      all.delete(this)
    }
  }
  vi.stubGlobal('BroadcastChannel', Channel)
}

/** Waits until `check` does not throw. The timeout allows for a busy machine. */
export const until = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 20_000 })

/** A promise that the test resolves. */
export function defer(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

export const json = (status: number, body: unknown, headers: Record<string, string> = {}): Response =>
  Response.json(body, { status, headers })
