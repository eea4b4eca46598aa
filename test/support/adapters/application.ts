import type { ServerResponse } from 'node:http'
import type { HttpOptions, RequestSession } from '../../../src/adapters/node/index.ts'
import type { RequireOptions } from '../../../src/http/http.ts'
import type { Sessions } from '../../../src/index.ts'

/** A route of the application that every adapter serves. */
export interface Route {
  /** Absent: nothing guards it. */
  readonly require?: RequireOptions
  /** What the application sets in the head of the answer, before Pawl adds to it. */
  readonly headers?: Readonly<Record<string, string>>
  answer(session: RequestSession, query: URLSearchParams): unknown
}

/** Sessions of requests that have been answered, by the `key` of their query. */
export const KEPT: Map<string, RequestSession> = new Map()

const PUBLIC = { 'cache-control': 'public, max-age=60', vary: 'Accept-Language' }

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
  'POST /transfer': { require: { lookup: true }, answer: whoIs },
  'POST /bye-others': { require: {}, answer: async (session) => ({ ended: await session.revokeOthers() }) },
  'POST /bye': { answer: async (session) => ({ ended: await session.revoke() }) },
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

/** A `HEAD` is a `GET` whose body is left out. */
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
  /** Whether `X-Forwarded-For` says who the client is, by the means that the framework has for it. */
  readonly trustProxy?: boolean
}

/** One adapter, serving the same application as the others. */
export interface Adapter {
  readonly name: string
  /** What takes longer than a test may. */
  prepare?(): Promise<void>
  listen(sessions: Sessions, options?: HttpOptions, on?: ListenOptions): Promise<Application>
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

/** The address that a proxy next to the application has seen. */
export function forwardedFor(header: string | undefined): string | undefined {
  return header?.split(',').at(-1)?.trim()
}

/** What the application answers to an error of its own. */
export const FAILED: Readonly<Record<string, string>> = { error: 'the application failed' }
