import type { FastifyPluginAsync, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import type { Sessions } from '../../core/api.ts'
import type { Exchange, Reply } from '../../http/exchange.ts'
import { checkRequire, type Opened, type RequireOptions, sessionsOverHttp } from '../../http/http.ts'
import { type HttpOptions, resolveHttpOptions } from '../../http/options.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { type OpenedRequest, openedRequest, sessionIn } from '../shared/attached-session.ts'
import { NodeExchange } from '../shared/node-exchange.ts'
import { sendInstead, settle } from './reply.ts'

export type { RequireOptions } from '../../http/http.ts'
export type { CookieOptions, HttpOptions } from '../../http/options.ts'
export type { RequestSession, SessionOf } from '../../http/request-session.ts'

/** A request of Fastify, whatever its server, its route and its schemas are. */
export type AnyRequest = Pick<FastifyRequest, 'id' | 'is404'>
/** Fits `onRequest`, `preHandler` and the like. */
export type SessionHook = (request: AnyRequest, reply: object, done: HookHandlerDoneFunction) => void

/** Where `requireSession` finds what the plugin opened, on the request of Node.js, whoever else writes to `request.session`. */
const opened: unique symbol = Symbol('pawl.opened')

interface Opening {
  readonly raw: { [opened]?: OpenedRequest }
}

/**
 * Sessions for Fastify 5, as a plugin: sets `request.session`, serves the refresh and logout routes, refuses
 * cross-site requests that may change state, and answers the errors of Pawl that handlers throw. It holds for
 * the scope it is registered in; the scope's prefix is that of the routes and of the refresh cookie, too.
 *
 * @example
 * app.register(fastifySessions(sessions))
 * app.get('/me', { onRequest: requireSession() }, (request) => ({ id: sessionOf(request, sessions).userId }))
 *
 * @throws InvalidOptionsError
 */
export function fastifySessions<Claims extends object, Data>(
  sessions: Sessions<Claims, Data>,
  options: HttpOptions = {},
): FastifyPluginAsync {
  const { path, cors, revocations } = resolveHttpOptions(options)

  const pawl: FastifyPluginAsync = async (instance, registered) => {
    if ('prefix' in registered)
      throw new TypeError('register fastifySessions() inside a scope that has the prefix, or set `path`')
    const scope = instance.prefix.replace(/\/$/, '')
    const http = sessionsOverHttp(sessions, { ...options, path: scope + path })
    // Another plugin may have the name; `sessionOf` works all the same.
    if (!instance.hasRequestDecorator('session')) instance.decorateRequest('session', { getter: sessionNow })

    function admit(
      { raw }: Opening,
      exchange: Exchange,
      { reply, session }: Opened<Claims, Data>,
    ): Reply | null {
      if (reply !== undefined) return reply
      raw[opened] = openedRequest(sessions, http, exchange, session)
      return null
    }

    instance.addHook('onRequest', function pawlSessions(request, reply, done) {
      const exchange = new NodeExchange(request.raw, reply.raw, request)
      const result = http.open(exchange)
      const answer =
        result instanceof Promise
          ? result.then((late) => admit(request as Opening, exchange, late))
          : admit(request as Opening, exchange, result)
      return settle(answer, reply, done)
    })
    instance.addHook('onError', function pawlSessionErrors(request, reply, error, done) {
      const found = (request as Opening).raw[opened]
      const answer = found?.http.answer(found.exchange, found.session, error) ?? null
      if (answer === null) done()
      else sendInstead(reply, answer)
    })

    // Fastify runs a scope's hooks for the scope's routes. The hook answers; what it leaves alone is nobody's.
    const schema: object = { hide: true }
    const handler = (_request: unknown, reply: FastifyReply): void => void reply.callNotFound()
    for (const name of ['refresh', 'logout', ...(revocations ? ['revocations'] : [])])
      instance.route({ method: ['GET', 'POST'], url: `${path}/${name}`, schema, handler })
    if (cors) for (const url of ['/', '/*']) instance.route({ method: 'OPTIONS', url, schema, handler })
  }

  return Object.assign(pawl, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'pawl',
    [Symbol.for('plugin-meta')]: { name: 'pawl', fastify: '>=5' },
  })
}

/**
 * Lets only requests with a session through; the others get 401 with a code, or, as page loads with an
 * expired access token, a trip through the refresh route. As `onRequest` it saves reading the body.
 * @throws InvalidOptionsError
 */
export function requireSession(options: RequireOptions = {}): SessionHook {
  checkRequire(options)
  return function pawlRequireSession(request, reply, done) {
    const found = openedOf(request)
    if (found === undefined) throw new TypeError('register fastifySessions(sessions) before requireSession()')
    return settle(found.http.refuse(found.exchange, found.session, options), reply as FastifyReply, done)
  }
}

/**
 * `request.session` with the types of its claims and data, which are those of `sessions`.
 * @throws TypeError when `fastifySessions(sessions)` is not registered in the scope
 */
export function sessionOf<Claims extends object, Data>(
  request: AnyRequest,
  sessions: Sessions<Claims, Data>,
): RequestSession<Claims, Data> {
  return sessionIn(openedOf(request), sessions, 'register fastifySessions(sessions)')
}

function openedOf(request: AnyRequest): OpenedRequest | undefined {
  return (request as unknown as Opening).raw[opened]
}

function sessionNow(this: FastifyRequest): unknown {
  return openedOf(this)?.session ?? null
}
