import type { FastifyPluginAsync, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { openSource } from '../../core/start/sessions-source.ts'
import {
  checkRequire,
  handleAndSettle,
  type RequireOptions,
  type SessionsSource,
  sessionsOverHttp,
  whenReady,
} from '../../http/http.ts'
import { type HttpOptions, resolveHttpOptions } from '../../http/options/resolve.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { assertCalled } from '../../http/uncalled.ts'
import { assertFramework } from '../shared/assert-framework.ts'
import { attach, attachedOf, requireAttached, sessionIn } from '../shared/attached-session.ts'
import { NodeExchange } from '../shared/node-exchange.ts'

import { finishHook, sendInstead } from './reply.ts'

export type { RequireOptions } from '../../http/http.ts'
export type { CookieOptions, HttpOptions } from '../../http/options/resolve.ts'
export type { RequestSession, SessionOf } from '../../http/request-session.ts'

/** A request of Fastify, whatever its server, its route and its schemas are. */
export type AnyRequest = Pick<FastifyRequest, 'id' | 'is404'>
/** Fits `onRequest`, `preHandler` and the like. */
export type SessionHook = (request: AnyRequest, reply: object, done: HookHandlerDoneFunction) => void

/** The session is attached to the request of Node.js, which every scope of Fastify shares. */
interface WithRaw {
  readonly raw: object
}

const ADVICE = 'register fastifySessions(sessions)'
/** Fastify itself compares it with its version. */
const VERSIONS = '^5.0.0'

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
  sessions: SessionsSource<Claims, Data>,
  options: HttpOptions = {},
): FastifyPluginAsync {
  const { path, cors, revocations, cronSecret } = resolveHttpOptions(options)
  openSource(sessions, 'fastifySessions')

  const pawl: FastifyPluginAsync = async (instance, registered) => {
    assertFramework(typeof instance?.addHook === 'function', 'fastifySessions', `Fastify ${VERSIONS}`)
    if ('prefix' in registered)
      throw new TypeError('register fastifySessions() inside a scope that has the prefix, or set `path`')
    const scope = instance.prefix.replace(/\/$/, '')
    const http = sessionsOverHttp(sessions, { ...options, path: scope + path }, 'fastifySessions')
    // If another plugin owns the name, `sessionOf` still works.
    if (!instance.hasRequestDecorator('session'))
      instance.decorateRequest('session', { getter: currentSession })

    instance.addHook('onRequest', function pawlSessions(request, reply, done) {
      const handled = handleAndSettle(http, new NodeExchange(request.raw, reply.raw, request))
      const answer = whenReady(handled, ({ reply: own, session }) => {
        if (own !== undefined) return own
        attach(request.raw, sessions, http, session)
        return null
      })
      return finishHook(answer, reply, done)
    })
    instance.addHook('onError', function pawlSessionErrors(request, reply, error, done) {
      const found = attachedOf(request.raw)
      const answer = found?.http.answer(found.session, error) ?? null
      if (answer === null) done()
      else sendInstead(reply, answer)
    })

    // Fastify runs a scope's hooks for the scope's routes only. The hook answers; any other method is not found.
    const schema: object = { hide: true }
    const handler = (_request: unknown, reply: FastifyReply): void => void reply.callNotFound()
    const routes = ['refresh', 'logout', 'device', 'device.js', ...(revocations ? ['revocations'] : [])]
    for (const name of cronSecret === null ? routes : [...routes, 'prune'])
      instance.route({ method: ['GET', 'POST'], url: `${path}/${name}`, schema, handler })
    if (cors) for (const url of ['/', '/*']) instance.route({ method: 'OPTIONS', url, schema, handler })
  }

  return Object.assign(pawl, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: 'pawl',
    [Symbol.for('plugin-meta')]: { name: 'pawl', fastify: VERSIONS },
  })
}

/**
 * Lets only requests with a session through. All others get 401 with a code, or, as page loads with an
 * expired access token, a redirect through the refresh route. As `onRequest` it saves reading the body.
 * @param uncalled nothing: the compiler refuses `requireSession` without its call
 * @throws InvalidOptionsError
 */
export function requireSession(options: RequireOptions = {}, ...uncalled: undefined[]): SessionHook {
  assertCalled('requireSession()', uncalled)
  checkRequire(options)
  return function pawlRequireSession(request, reply, done) {
    const { http, session } = requireAttached(rawOf(request), ADVICE)
    return finishHook(http.authorize(session, options), reply as FastifyReply, done)
  }
}

/**
 * `request.session` with the types of its claims and data, which are those of `sessions`.
 * @throws TypeError when `fastifySessions(sessions)` is not registered in the scope
 */
export function sessionOf<Claims extends object, Data>(
  request: AnyRequest,
  sessions: SessionsSource<Claims, Data>,
): RequestSession<Claims, Data> {
  return sessionIn(attachedOf(rawOf(request)), sessions, ADVICE)
}

function rawOf(request: AnyRequest): object {
  return (request as unknown as WithRaw).raw
}

function currentSession(this: FastifyRequest): unknown {
  return attachedOf(this.raw)?.session ?? null
}
