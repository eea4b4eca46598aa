import type { IncomingMessage, ServerResponse } from 'node:http'
import { assertFramework } from '../adapters/shared/assert-framework.ts'
import { fetchExchange, toResponse } from '../adapters/shared/fetch-exchange.ts'
import { isNodeExchange, NodeExchange, type NodeHints, writeReply } from '../adapters/shared/node-exchange.ts'
import type { SessionsSource } from '../core/start/sessions-source.ts'
import { createConsole } from './console.ts'
import type { ConsoleOptions } from './console-options.ts'

export type { ConsoleAccess } from './access.ts'
export type { ConsoleOptions } from './console-options.ts'
export type { RedactedSession } from './view.ts'

/** The handler of the console, for every framework. {@link sessionsConsole} makes it. */
export interface SessionsConsole<Context = undefined> {
  /**
   * Answers a request of Express, or of anything else on `node:http`. It answers every request and never calls `next`.
   * @param context a value for `authorize`, such as the session of the request
   */
  (req: IncomingMessage, res: ServerResponse, context?: Context | ((error?: unknown) => void)): void
  /**
   * Answers a `Request` of the Fetch standard. It never rejects.
   * @param context a value for `authorize`, such as the session of the request
   */
  (request: Request, context?: Context): Promise<Response>
}

const VERSIONS =
  'requests of `node:http` (Express, Fastify and Koa have them) and a `Request` of the Fetch standard'

/**
 * Makes the console: pages for support and operations that show sessions, why they ended, and problems. It also ends
 * sessions, unless `authorize` returns `readOnly`.
 *
 * @example
 * app.use('/admin/sessions', requireSession(), sessionsConsole(sessions, {
 *   authorize: (request: express.Request) => {
 *     const { claims, userId } = sessionOf(request, sessions)
 *     return claims.role === 'administrator' ? { actor: userId } : null
 *   },
 * }))
 *
 * @throws InvalidOptionsError without `authorize`, and for an unknown or wrong option
 * @throws TypeError if `sessions` are neither sessions, nor a promise of them, nor a function that makes them
 */
export function sessionsConsole<
  Incoming = IncomingMessage,
  Claims extends object = object,
  Data = unknown,
  Context = undefined,
>(
  sessions: SessionsSource<Claims, Data>,
  options: ConsoleOptions<Incoming, Claims, Data, Context>,
): SessionsConsole<Context> {
  const answer = createConsole(sessions, options)

  function answerNode(req: IncomingMessage, res: ServerResponse | undefined, context: unknown): void {
    assertFramework(isNodeExchange(req, res), 'sessionsConsole', VERSIONS)
    const exchange = new NodeExchange(req, res!, req as NodeHints)
    answer({ exchange, incoming: req, context, mountedAt: mountOf(req) })
      .then((reply) => writeReply(res!, reply))
      .catch(() => res!.destroy())
  }

  async function answerFetch(request: Request, context: unknown): Promise<Response> {
    const reply = await answer({
      exchange: fetchExchange(request),
      incoming: request,
      context,
      mountedAt: null,
    })
    return toResponse(request.method === 'HEAD' ? { ...reply, body: null } : reply)
  }

  function handle(request: IncomingMessage | Request, second?: unknown, third?: unknown): unknown {
    if (isRequest(request)) return answerFetch(request, second)
    // Express gives `next` there.
    const context = typeof third === 'function' ? undefined : third
    return answerNode(request, second as ServerResponse | undefined, context)
  }
  return handle as SessionsConsole<Context>
}

function isRequest(request: IncomingMessage | Request): request is Request {
  return typeof (request?.headers as Partial<Headers> | undefined)?.get === 'function'
}

/** The path that Express and Connect have removed from the URL of a request; `null` for none. */
function mountOf(request: IncomingMessage & { readonly originalUrl?: string }): string | null {
  const [original, own] = [pathOf(request.originalUrl), pathOf(request.url)]
  if (original === undefined || own === undefined || original === own) return null
  if (own !== '/' && original.endsWith(own)) return original.slice(0, -own.length)
  return own === '/' ? original.replace(/\/$/, '') : null
}

const pathOf = (url: string | undefined): string | undefined => url?.split('?', 1)[0]
