import { randomUUID } from 'node:crypto'
import type {
  NextOptions,
  NextSessions,
  ProxyHandler,
  RouteHandler,
} from '../../../src/adapters/next/index.ts'
import type { SessionsSource } from '../../../src/http/http.ts'
import type { ClaimsObject } from '../../../src/index.ts'
import { ADDRESS_HEADER, serve, startNext } from '../next-app/applications.ts'
import { type Adapter, type Application, forwardedFor, ROUTES, routeOf } from './application.ts'

/** Serves the routes that all adapters share, and the pages and actions of `next-app`. */
export async function serveNext(
  create: SessionsSource<ClaimsObject, unknown>,
  options: NextOptions = {},
  onPage?: ProxyHandler<ClaimsObject, unknown>,
): Promise<Application & { readonly next: NextSessions<ClaimsObject, unknown> }> {
  await startNext()
  // Import this after Next has started, because it prepares the process for its own modules.
  const { nextSessions } = await import('../../../src/adapters/next/index.ts')
  const errors: unknown[] = []
  const next = nextSessions(create, { name: randomUUID(), ...options })
  const routes = new Map(
    Object.entries(ROUTES).map(([key, { require, headers, answer }]) => [
      key,
      next.route(
        async (session, { method, url }) =>
          Response.json(await answer(session, routeOf(method, url)[1]), { headers: { ...headers } }),
        require,
      ),
    ]),
  )
  const missing = next.route(() => Response.json({}, { status: 404 }))
  const answer: RouteHandler<unknown> = (request, context) => {
    const method = request.method === 'HEAD' ? 'GET' : request.method
    return (routes.get(`${method} ${request.nextUrl.pathname}`) ?? missing)(request, context)
  }
  return { port: await serve({ ...next, answer, runProxy: next.proxy(onPage), errors }), errors, next }
}

export const nextAdapter: Adapter = {
  name: 'Next.js',
  prepare: async () => void (await startNext()),
  listen: (sessions, options, { trustProxy = false } = {}) =>
    serveNext(sessions, {
      ...options,
      ip: (headers) =>
        trustProxy
          ? forwardedFor(headers.get('x-forwarded-for') ?? undefined)
          : (headers.get(ADDRESS_HEADER) ?? undefined),
    }),
}
