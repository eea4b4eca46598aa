import type { ServerResponse } from 'node:http'
import type { HttpOptions, RequestSession } from '../../../src/adapters/node.ts'
import type { RequireOptions } from '../../../src/http/http.ts'
import type { Sessions } from '../../../src/index.ts'

/** A route of the application that every adapter serves. */
export interface Route {
  /** Absent: nothing guards it. */
  readonly require?: RequireOptions
  answer(session: RequestSession, query: URLSearchParams): unknown
}

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
  'GET /crash': {
    answer() {
      throw new Error('a detail of the application')
    },
  },
}
export const routeOf = (
  method: string | undefined,
  target: string | undefined,
): [Route | undefined, URLSearchParams] => {
  const { pathname, searchParams } = new URL(target ?? '/', 'http://application.invalid')
  return [ROUTES[`${method} ${pathname}`], searchParams]
}

export interface Application {
  readonly port: number
  /** The errors that Pawl left to the application. */
  readonly errors: unknown[]
}

/** One adapter, serving the same application as the others. */
export interface Adapter {
  readonly name: string
  listen(sessions: Sessions, options?: HttpOptions): Promise<Application>
}

export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  res.statusCode = status
  res.setHeader('content-type', 'application/json')
  res.end(JSON.stringify(body))
}
/** What the application answers to an error of its own. */
export const FAILED: Readonly<Record<string, string>> = { error: 'the application failed' }
