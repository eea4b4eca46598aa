import type { ExtendableContext, Middleware } from 'koa'
import type { Sessions } from '../../core/api.ts'
import { HEADERS_OF_BODY, type Reply, writeHead } from '../../http/exchange.ts'
import { checkRequire, type RequireOptions, sessionsOverHttp } from '../../http/http.ts'
import type { HttpOptions } from '../../http/options.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { type OpenedRequest, openedRequest, sessionIn } from '../shared/attached-session.ts'
import { NodeExchange } from '../shared/node-exchange.ts'

export type { RequireOptions } from '../../http/http.ts'
export type { CookieOptions, HttpOptions } from '../../http/options.ts'
export type { RequestSession, SessionOf } from '../../http/request-session.ts'

/** Where `requireSession` finds what `koaSessions` opened, whoever else writes to `ctx.state`. */
const opened: unique symbol = Symbol('pawl.opened')

/** A context of Koa, whatever its state and additions are. */
export type AnyContext = Pick<ExtendableContext, 'req' | 'res'>
interface OpenedContext extends ExtendableContext {
  [opened]?: OpenedRequest
}

/**
 * Sessions for Koa 2 and 3: sets `ctx.state.session`, serves the refresh and logout routes, refuses cross-site
 * requests that may change state, and answers the errors of Pawl that are thrown below it. Mount it before
 * everything that uses a session.
 *
 * @example
 * app.use(koaSessions(sessions))
 * router.get('/me', requireSession(), (ctx) => {
 *   ctx.body = { id: ctx.state.session.userId }
 * })
 *
 * @throws InvalidOptionsError
 */
export function koaSessions<Claims extends object, Data>(
  sessions: Sessions<Claims, Data>,
  options?: HttpOptions,
): Middleware<{ session: RequestSession<Claims, Data> }, object> {
  const http = sessionsOverHttp(sessions, options)
  return async function pawlSessions(ctx, next) {
    const exchange = new NodeExchange(ctx.req, ctx.res, ctx.request)
    const { reply, session } = await http.open(exchange)
    if (reply !== undefined) {
      send(ctx, reply)
      return
    }
    ctx.state.session = session
    ;(ctx as OpenedContext)[opened] = openedRequest(sessions, http, exchange, session)
    try {
      await next()
    } catch (error) {
      const answer = http.answer(exchange, session, error)
      if (answer === null) throw error
      send(ctx, answer)
    }
  }
}

/**
 * Lets only requests with a session through; the others get 401 with a code, or, as page loads with an
 * expired access token, a trip through the refresh route.
 * @throws InvalidOptionsError
 */
export function requireSession(options: RequireOptions = {}): Middleware<object, object> {
  checkRequire(options)
  return async function pawlRequireSession(ctx, next) {
    const found = (ctx as OpenedContext)[opened]
    if (found === undefined) throw new TypeError('mount koaSessions(sessions) before requireSession()')
    const reply = await found.http.refuse(found.exchange, found.session, options)
    if (reply === null) await next()
    else send(ctx, reply)
  }
}

/**
 * `ctx.state.session` with the types of its claims and data, which are those of `sessions`.
 * @throws TypeError when `koaSessions(sessions)` is not mounted before
 */
export function sessionOf<Claims extends object, Data>(
  ctx: AnyContext,
  sessions: Sessions<Claims, Data>,
): RequestSession<Claims, Data> {
  return sessionIn((ctx as OpenedContext)[opened], sessions, 'mount koaSessions(sessions)')
}

function send(ctx: ExtendableContext, { status, headers, body }: Reply): void {
  if (ctx.headerSent) {
    ctx.res.destroy()
    return
  }
  // A handler that failed before it wrote anything itself has not answered.
  ctx.respond = true
  for (const name of HEADERS_OF_BODY) ctx.remove(name)
  writeHead(
    {
      get: (name) => ctx.response.get(name),
      set: (name, value) => ctx.set(name, value),
      append: (name, value) => ctx.append(name, value),
    },
    headers,
  )
  ctx.body = body
  // After the body, as none turns the status into 204.
  ctx.status = status
}
