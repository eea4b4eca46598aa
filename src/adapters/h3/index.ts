import type { H3Event, Middleware } from 'h3'
import type { Reply, ResponseHead } from '../../http/exchange.ts'
import {
  checkRequire,
  type RequireOptions,
  type SessionsSource,
  sessionsOverHttp,
  settling,
} from '../../http/http.ts'
import type { HttpOptions } from '../../http/options/resolve.ts'
import { writeHead } from '../../http/reply.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { assertCalled } from '../../http/uncalled.ts'
import { assertFramework } from '../shared/assert-framework.ts'
import { attach, attachedOf, requireAttached, sessionIn } from '../shared/attached-session.ts'
import { addressFunction } from '../shared/client-address.ts'
import { fetchExchange } from '../shared/fetch-exchange.ts'

export type { RequireOptions } from '../../http/http.ts'
export type { CookieOptions, HttpOptions } from '../../http/options/resolve.ts'
export type { RequestSession, SessionOf } from '../../http/request-session.ts'

/** The options of {@link h3Sessions}. All of them are optional. */
export interface H3Options extends HttpOptions {
  /**
   * A function that returns the address of the client. If it throws, Pawl emits a process warning.
   * @defaultValue the address that the server reports; `trustProxy` is an option of `serve()`
   */
  readonly ip?: (event: H3Event) => string | undefined
}

const ADVICE = 'mount h3Sessions(sessions)'
const VERSIONS =
  'h3 2.0.1-rc.2 and later releases of h3 2, as in Nitro 3 (with h3 1, as in Nuxt 4, use pawl/express)'

/**
 * Makes the middleware that adds sessions to h3 2, and so to Nitro 3. It sets `event.context.session`, serves the refresh
 * and logout routes, and refuses cross-site requests that may change state. It also answers the errors of Pawl that
 * handlers throw. Mount it before everything that uses a session.
 * @param options the options of the adapter
 *
 * @example
 * app.use(h3Sessions(sessions))
 * app.get('/me', (event) => ({ id: sessionOf(event, sessions).userId }), { middleware: [requireSession()] })
 *
 * @throws InvalidOptionsError for an unknown or wrong option
 * @throws TypeError if `sessions` are neither sessions, nor a promise of them, nor a function that makes them
 */
export function h3Sessions<Claims extends object, Data>(
  sessions: SessionsSource<Claims, Data>,
  { ip, ...options }: H3Options = {},
): Middleware {
  const addressOf = addressFunction(ip)
  const http = sessionsOverHttp(sessions, options, 'h3Sessions')

  return async function pawlSessions(event, next) {
    assertFramework(isEvent(event) && typeof next === 'function', 'h3Sessions', VERSIONS)
    const { req, context, runtime } = event
    const { url, socket } = runtime?.node?.req ?? {}
    const exchange = fetchExchange(req, {
      // Inside a mounted application, the URL of h3's request lacks the path of the mount.
      target: url?.startsWith('/') ? url : undefined,
      ip: addressOf?.(event) ?? context.clientAddress ?? req.ip,
      peer: socket?.remoteAddress,
    })
    const finish = <Answer>(answer: Answer): Answer => {
      const changeable = exchange.changesHead ? withChangeableHead(answer) : answer
      exchange.finishHead(headOf(event, changeable))
      return changeable
    }
    return settling(http, async () => {
      const { reply, session } = await http.handle(exchange)
      if (reply !== undefined) return finish(respond(event, reply))
      context['session'] = session
      attach(event, sessions, http, session)
      try {
        return finish(await next())
      } catch (error) {
        const answer = http.answer(session, causeOf(error))
        if (answer === null) throw finish(error)
        return finish(respond(event, answer))
      }
    })
  }
}

/**
 * Makes middleware that lets only requests with a session through. It answers any other request with 401 and a code. A page
 * load with an expired access token is redirected through the refresh route.
 * @param uncalled nothing: the compiler refuses `requireSession` without its call
 * @throws InvalidOptionsError for an unknown or wrong requirement
 * @throws TypeError if it is mounted without its call
 */
export function requireSession(options: RequireOptions = {}, ...uncalled: undefined[]): Middleware {
  assertCalled('requireSession()', uncalled)
  checkRequire(options)
  return async function pawlRequireSession(event, next) {
    const { http, session } = requireAttached(event, ADVICE)
    const reply = await http.authorize(session, options)
    return reply === null ? next() : respond(event, reply)
  }
}

/**
 * Returns the session of a request, with the types of the claims and data of `sessions`. It is the same object as
 * `event.context.session`.
 * @throws TypeError if `h3Sessions(sessions)` is not mounted before, or has other sessions
 */
export function sessionOf<Claims extends object, Data>(
  event: H3Event,
  sessions: SessionsSource<Claims, Data>,
): RequestSession<Claims, Data> {
  return sessionIn(attachedOf(event), sessions, ADVICE)
}

function respond(event: H3Event, { status, headers, body }: Reply): Response {
  writeHead(headOf(event), headers)
  return new Response(body, { status })
}

/** The headers of a fetched response cannot be changed. */
function withChangeableHead<Answer>(answer: Answer): Answer {
  return answer instanceof Response && answer.status >= 200
    ? (new Response(answer.body, answer) as typeof answer)
    : answer
}

/** h3 1 has requests of Node.js, whose headers are a plain object. */
function isEvent(event: H3Event): boolean {
  return typeof event?.req?.headers?.get === 'function'
}

/**
 * h3 merges `headers` into the answer, or `errHeaders` if the answer is an error. Before 2.0.1-rc.17 it has no
 * `errHeaders`: its answers to errors then go without cookies, as if they were lost on the way.
 */
function headOf({ res }: H3Event, answer?: unknown): ResponseHead {
  const { headers: own } = Object(answer) as { headers?: unknown }
  const { errHeaders }: { errHeaders?: Headers } = res
  const merged = errHeaders === undefined ? [res.headers] : [res.headers, errHeaders]
  const all = own instanceof Headers ? [...merged, own] : merged
  return {
    get: (name) => all.find((headers) => headers.has(name))?.get(name) ?? undefined,
    set(name, value) {
      for (const headers of merged) headers.set(name, value)
    },
    append(name, value) {
      for (const headers of merged) headers.append(name, value)
    },
    names: () => all.flatMap((headers) => [...headers.keys()]),
    remove(name) {
      for (const headers of all) headers.delete(name)
    },
  }
}

/** The error that the handler threw: middleware made by h3's `onError` wraps errors that it lets pass. */
function causeOf(error: unknown): unknown {
  return error instanceof Error && 'unhandled' in error && error.unhandled === true ? error.cause : error
}
