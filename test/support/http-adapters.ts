import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import express, { type ErrorRequestHandler, type Express } from 'express'
import express4 from 'express4'
import { describe } from 'vitest'
import { expressSessions, requireSession, sessionErrors, sessionOf } from '../../src/adapters/express.ts'
import { type FetchInfo, fetchSessions } from '../../src/adapters/fetch.ts'
import { type HttpOptions, nodeSessions, type RequestSession } from '../../src/adapters/node.ts'
import type { RequireOptions } from '../../src/http/http.ts'
import type { Sessions } from '../../src/index.ts'
import { listen } from './http-server.ts'

/** A route of the application that every adapter serves. */
interface Route {
  /** Absent: nothing guards it. */
  readonly require?: RequireOptions
  answer(session: RequestSession, query: URLSearchParams): unknown
}

const whoIs = ({ userId, claims, generation }: RequestSession): unknown => ({ userId, claims, generation })

const ROUTES: Readonly<Record<string, Route>> = {
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
const routeOf = (
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

/** One adapter, serving the same application as the others. To join, add to {@link ADAPTERS}. */
export interface Adapter {
  readonly name: string
  listen(sessions: Sessions, options?: HttpOptions): Promise<Application>
}

function sendJson(res: ServerResponse, status: number, body: unknown): void {
  res.statusCode = status
  res.setHeader('content-type', 'application/json')
  res.end(JSON.stringify(body))
}
const FAILED = { error: 'the application failed' }

export const nodeAdapter: Adapter = {
  name: 'node:http',
  async listen(sessions, options) {
    const errors: unknown[] = []
    const withSession = nodeSessions(sessions, { ...options, onError: (error) => errors.push(error) })
    const port = await listen((req, res) => {
      const [route, query] = routeOf(req.method, req.url)
      const serve = withSession(async (_req, _res, session) => {
        if (route === undefined) return sendJson(res, 404, {})
        sendJson(res, 200, await route.answer(session, query))
      }, route?.require)
      void serve(req, res)
    })
    return { port, errors }
  },
}

function expressAdapter(name: string, create: () => Express): Adapter {
  return {
    name,
    async listen(sessions, options) {
      const errors: unknown[] = []
      const app = create()
      app.use(expressSessions(sessions, options))
      for (const [key, route] of Object.entries(ROUTES)) {
        const [method, path] = key.split(' ') as ['GET' | 'POST', string]
        const guards = route.require === undefined ? [] : [requireSession(route.require)]
        app[method === 'GET' ? 'get' : 'post'](path, ...guards, async (req, res, next) => {
          // Express 4 does not wait for a handler's promise.
          try {
            res.json(await route.answer(sessionOf(req), routeOf(req.method, req.originalUrl)[1]))
          } catch (error) {
            next(error)
          }
        })
      }
      app.use((_req, res) => void res.status(404).json({}))
      app.use(sessionErrors())
      const last: ErrorRequestHandler = (error, _req, res, _next) => {
        errors.push(error)
        res.status(500).json(FAILED)
      }
      app.use(last)
      return { port: await listen(app), errors }
    },
  }
}

const fetchAdapter: Adapter = {
  name: 'fetch',
  async listen(sessions, options) {
    const errors: unknown[] = []
    const withSession = fetchSessions(sessions, options)
    const port = await listen((req, res) => {
      const [route, query] = routeOf(req.method, req.url)
      const info: FetchInfo =
        route?.require === undefined ? {} : { required: route.require.optional !== true, ...route.require }
      withSession(
        toRequest(req),
        async (session) => {
          if (route === undefined) return Response.json({}, { status: 404 })
          return Response.json(await route.answer(session, query))
        },
        { ...info, ip: req.socket.remoteAddress },
      )
        .then((response) => sendResponse(res, response))
        .catch((error: unknown) => {
          errors.push(error)
          sendJson(res, 500, FAILED)
        })
    })
    return { port, errors }
  },
}

/** What a runtime that speaks fetch does with a request. */
function toRequest(req: IncomingMessage): Request {
  const { method = 'GET', url = '/', headers } = req
  const init = {
    method,
    headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
    ...(method !== 'GET' && method !== 'HEAD' && { body: Readable.toWeb(req), duplex: 'half' }),
  }
  return new Request(`http://${headers.host}${url}`, init as RequestInit)
}

async function sendResponse(res: ServerResponse, response: Response): Promise<void> {
  res.statusCode = response.status
  for (const [name, value] of response.headers) if (name !== 'set-cookie') res.setHeader(name, value)
  const cookies = response.headers.getSetCookie()
  if (cookies.length > 0) res.setHeader('set-cookie', cookies)
  res.end(Buffer.from(await response.arrayBuffer()))
}

const ADAPTERS: readonly Adapter[] = [
  nodeAdapter,
  expressAdapter('Express 5', express),
  expressAdapter('Express 4', express4),
  fetchAdapter,
]

/** Runs the same tests on every adapter. */
export function describeAdapters(name: string, tests: (adapter: Adapter) => void): void {
  describe.each(ADAPTERS)(`${name} ($name)`, tests)
}
