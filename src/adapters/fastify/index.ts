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
/** A hook for `onRequest`, `preHandler` and the like. */
export type SessionHook = (request: AnyRequest, reply: object, done: HookHandlerDoneFunction) => void

/** The session is attached to the request of Node.js, which every scope of Fastify shares. */
interface WithRaw {
  readonly raw: object
}

const ADVICE = 'register fastifySessions(sessions)'
/** Fastify itself compares it with its version. */
const VERSIONS = '^5.0.0'

/**
 * Makes the plugin that adds sessions to Fastify 5. It sets `request.session`, serves the refresh and logout routes, and
 * refuses cross-site requests that may change state. It also answers the errors of Pawl that handlers throw. The plugin
 * applies to the scope in which you register it. The prefix of the scope is also that of the routes and of the refresh
 * cookie.
 *
 * @example
 * app.register(fastifySessions(sessions))
 * app.get('/me', { onRequest: requireSession() }, (request) => ({ id: sessionOf(request, sessions).userId }))
 *
 * @throws InvalidOptionsError for an unknown or wrong option
 * @throws TypeError if `sessions` are neither sessions, nor a promise of them, nor a function that makes them
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
 * Makes a hook that lets only requests with a session through. It answers any other request with 401 and a code. A page
 * load with an expired access token is redirected through the refresh route.
 * As `onRequest` it runs before Fastify reads the body.
 * @param uncalled nothing: the compiler refuses `requireSession` without its call
 * @throws InvalidOptionsError for an unknown or wrong requirement
 * @throws TypeError if it is mounted without its call
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
 * Returns the session of a request, with the types of the claims and data of `sessions`. It is the same object as
 * `request.session`.
 * @throws TypeError if `fastifySessions(sessions)` is not registered in the scope, or has other sessions
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
