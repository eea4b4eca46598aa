import type { ExtendableContext, Middleware } from 'koa'
import type { Reply } from '../../http/exchange.ts'
import {
  checkRequire,
  type RequireOptions,
  type SessionsSource,
  sessionsOverHttp,
  settling,
} from '../../http/http.ts'
import type { HttpOptions } from '../../http/options/resolve.ts'
import { BODY_HEADERS, writeHead } from '../../http/reply.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { assertCalled } from '../../http/uncalled.ts'
import { assertFramework } from '../shared/assert-framework.ts'
import { attach, attachedOf, requireAttached, sessionIn } from '../shared/attached-session.ts'
import { isNodeExchange, NodeExchange } from '../shared/node-exchange.ts'

export type { RequireOptions } from '../../http/http.ts'
export type { CookieOptions, HttpOptions } from '../../http/options/resolve.ts'
export type { RequestSession, SessionOf } from '../../http/request-session.ts'

/** A context of Koa, whatever its state and additions are. */
export type AnyContext = Pick<ExtendableContext, 'req' | 'res'>

const ADVICE = 'mount koaSessions(sessions)'
const VERSIONS = 'Koa 2.15 and later releases of Koa 2, and Koa 3'

/**
 * Makes the middleware that adds sessions to Koa 2 and 3. It sets `ctx.state.session`, serves the refresh and logout routes,
 * and refuses cross-site requests that may change state. It also answers the errors of Pawl that handlers throw. Mount it
 * before everything that uses a session.
 *
 * @example
 * app.use(koaSessions(sessions))
 * router.get('/me', requireSession(), (ctx) => {
 *   ctx.body = { id: ctx.state.session.userId }
 * })
 *
 * @throws InvalidOptionsError for an unknown or wrong option
 * @throws TypeError if `sessions` are neither sessions, nor a promise of them, nor a function that makes them
 */
export function koaSessions<Claims extends object, Data>(
  sessions: SessionsSource<Claims, Data>,
  options?: HttpOptions,
): Middleware<{ session: RequestSession<Claims, Data> }, object> {
  const http = sessionsOverHttp(sessions, options, 'koaSessions')
  return async function pawlSessions(ctx, next) {
    const isContext = isNodeExchange(ctx?.req, ctx?.res) && ctx.response !== undefined
    assertFramework(isContext && typeof next === 'function', 'koaSessions', VERSIONS)
    const exchange = new NodeExchange(ctx.req, ctx.res, ctx.request)
    await settling(http, async () => {
      const { reply, session } = await http.handle(exchange)
      if (reply !== undefined) {
        send(ctx, reply)
        return
      }
      ctx.state.session = session
      attach(ctx, sessions, http, session)
      try {
        await next()
      } catch (error) {
        const answer = http.answer(session, error)
        if (answer === null) throw error
        send(ctx, answer)
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
export function requireSession(
  options: RequireOptions = {},
  ...uncalled: undefined[]
): Middleware<object, object> {
  assertCalled('requireSession()', uncalled)
  checkRequire(options)
  return async function pawlRequireSession(ctx, next) {
    const { http, session } = requireAttached(ctx, ADVICE)
    const reply = await http.authorize(session, options)
    if (reply === null) await next()
    else send(ctx, reply)
  }
}

/**
 * Returns the session of a request, with the types of the claims and data of `sessions`. It is the same object as
 * `ctx.state.session`.
 * @throws TypeError if `koaSessions(sessions)` is not mounted before, or has other sessions
 */
export function sessionOf<Claims extends object, Data>(
  ctx: AnyContext,
  sessions: SessionsSource<Claims, Data>,
): RequestSession<Claims, Data> {
  return sessionIn(attachedOf(ctx), sessions, ADVICE)
}

function send(ctx: ExtendableContext, { status, headers, body }: Reply): void {
  if (ctx.headerSent) {
    ctx.res.destroy()
    return
  }
  // A handler may have set `respond` to false and thrown before it answered.
  ctx.respond = true
  for (const name of BODY_HEADERS) ctx.remove(name)
  writeHead(
    {
      get: (name) => ctx.response.get(name),
      set: (name, value) => ctx.set(name, value),
      append: (name, value) => ctx.append(name, value),
      names: () => Object.keys(ctx.response.headers),
      remove: (name) => ctx.remove(name),
    },
    headers,
  )
  ctx.body = body
  // After the body, because Koa sets the status to 204 for an empty body.
  ctx.status = status
}
