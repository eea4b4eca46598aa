import type { ServerResponse } from 'node:http'
import type { HttpOptions, RequestSession } from '../../../src/adapters/node/index.ts'
import type { RequireOptions, SessionsSource } from '../../../src/http/http.ts'
import type { ClaimsObject } from '../../../src/index.ts'

/** A route of the application that every adapter serves. */
export interface Route {
  /** If it is absent, the route has no guard. */
  readonly require?: RequireOptions
  /** Headers that the application sets on the response, before Pawl adds its own. */
  readonly headers?: Readonly<Record<string, string>>
  answer(session: RequestSession, query: URLSearchParams): unknown
}

/** Sessions of answered requests, by the `key` of their query. */
export const KEPT: Map<string, RequestSession> = new Map()

/** Headers by which a CDN or a proxy caches whatever `Cache-Control` says (RFC 9213, and those of vendors). */
export const FOR_CDNS: Readonly<Record<string, string>> = {
  'cdn-cache-control': 'max-age=60',
  'cloudflare-cdn-cache-control': 'max-age=60',
  'akamai-cache-control': 'max-age=60',
  'surrogate-control': 'max-age=60',
  'edge-control': 'max-age=60',
  'x-accel-expires': '60',
}

/** The headers of {@link FOR_CDNS} in a response. */
export const forCdns = (headers: object): string[] =>
  Object.keys(headers).filter((name) => Object.hasOwn(FOR_CDNS, name))

const PUBLIC = { 'cache-control': 'public, max-age=60', vary: 'Accept-Language', ...FOR_CDNS }

const whoIs = ({ userId, claims, generation }: RequestSession): unknown => ({ userId, claims, generation })

export const ROUTES: Readonly<Record<string, Route>> = {
  'POST /login': {
    answer: (session, query) => session.create({ userId: query.get('user') ?? '', claims: { role: 'user' } }),
  },
  'GET /me': { require: {}, answer: whoIs },
  'POST /notes': { require: {}, answer: whoIs },
  'GET /hello': {
    require: { optional: true },
    answer: ({ current }) => ({ userId: current?.userId ?? null }),
  },
  'POST /pay': { require: { maxAuthAge: 60 }, answer: whoIs },
  'GET /token': { answer: (session) => ({ token: session.csrfToken() }) },
  'GET /report': { require: { csrf: true }, answer: whoIs },
  'POST /transfer': { require: { lookup: true }, answer: whoIs },
  'POST /bye-others': { require: {}, answer: async (session) => ({ ended: await session.revokeOthers() }) },
  'POST /bye': { answer: async (session) => ({ ended: await session.revoke() }) },
  'POST /act': {
    require: { acting: false },
    answer: (session, query) => session.actAs({ userId: query.get('user') ?? '' }),
  },
  'POST /stop': { require: {}, answer: (session) => session.stopActing() },
  'GET /actor': { require: {}, answer: ({ userId, actor }) => ({ userId, by: actor?.userId ?? null }) },
  'GET /forgotten': { answer: whoIs },
  'GET /check': { answer: async (session) => ({ userId: (await session.check()).userId }) },
  'POST /keep': {
    answer(session, query) {
      KEPT.set(query.get('key') ?? '', session)
      return {}
    },
  },
  'GET /public': { headers: PUBLIC, answer: () => ({}) },
  'POST /public-login': {
    headers: PUBLIC,
    answer: (session, query) => session.create({ userId: query.get('user') ?? '' }),
  },
  'GET /crash': {
    answer() {
      throw new Error('a detail of the application')
    },
  },
}

/** Finds the route and the query of a request. A `HEAD` uses the route of `GET`. */
export const routeOf = (
  method: string | undefined,
  target: string | undefined,
): [Route | undefined, URLSearchParams] => {
  const { pathname, searchParams } = new URL(target ?? '/', 'http://application.invalid')
  return [ROUTES[`${method === 'HEAD' ? 'GET' : method} ${pathname}`], searchParams]
}

export interface Application {
  readonly port: number
  /** The errors that Pawl left to the application. */
  readonly errors: unknown[]
}

export interface ListenOptions {
  /** Whether the framework takes the client address from `X-Forwarded-For`. */
  readonly trustProxy?: boolean
}

/** One adapter, serving the same application as the others. */
export interface Adapter {
  readonly name: string
  /** Preparation that takes longer than the timeout of a test. */
  prepare?(): Promise<void>
  listen(
    sessions: SessionsSource<ClaimsObject, unknown>,
    options?: HttpOptions,
    on?: ListenOptions,
  ): Promise<Application>
}

export function sendJson(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Route['headers'] = {},
): void {
  res.statusCode = status
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
  res.setHeader('content-type', 'application/json')
  res.end(JSON.stringify(body))
}

/** The client address that the nearest proxy has added. */
export function forwardedFor(header: string | undefined): string | undefined {
  return header?.split(',').at(-1)?.trim()
}

/** The response body of the application for its own errors. */
export const FAILED: Readonly<Record<string, string>> = { error: 'the application failed' }
