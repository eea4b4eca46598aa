import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Sessions } from '../../core/api.ts'
import { guard } from '../../core/observability/events.ts'
import type { Exchange, Reply } from '../../http/exchange.ts'
import { checkRequire, type Opened, type RequireOptions, sessionsOverHttp } from '../../http/http.ts'
import type { HttpOptions } from '../../http/options.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { check } from '../../portable/options/check.ts'
import { NodeExchange, type NodeHints, writeReply } from '../shared/node-exchange.ts'
import { type UpgradeHandler, type UpgradeListener, upgradeListener } from './upgrade.ts'

export type { RequireOptions } from '../../http/http.ts'
export type { CookieOptions, HttpOptions } from '../../http/options.ts'
export type { RequestSession, SessionOf } from '../../http/request-session.ts'
export type { UpgradeHandler, UpgradeListener } from './upgrade.ts'

export interface NodeOptions extends HttpOptions {
  /** The client's address, where a proxy hides it. @defaultValue the address at the other end of the socket */
  readonly ip?: (req: IncomingMessage) => string | undefined
  /**
   * Hears of every error that is none of Pawl's: one the handler throws, or one from below. The client has
   * been answered with an empty 500 by then, if nothing had been sent. `res` is null for a WebSocket
   * handshake. @defaultValue a process warning
   */
  readonly onError?: (error: unknown, req: IncomingMessage, res: ServerResponse | null) => void
}

export type NodeHandler<Claims extends object, Data> = (
  req: IncomingMessage,
  res: ServerResponse,
  session: RequestSession<Claims, Data>,
) => unknown

/** One request on its way through. */
interface Call<Claims extends object, Data> {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly exchange: Exchange
  readonly handler: NodeHandler<Claims, Data>
  readonly require: RequireOptions | undefined
}

export interface WithSession<Claims extends object, Data> {
  /**
   * Turns a handler that wants a session into one for `createServer`.
   * @param require makes every request of this handler need a session
   * @throws InvalidOptionsError
   */
  (
    handler: NodeHandler<Claims, Data>,
    require?: RequireOptions,
  ): (req: IncomingMessage, res: ServerResponse) => Promise<void>
  /**
   * Turns a handler into a listener for the server's `upgrade` event. Unlike a request, a WebSocket handshake
   * always needs a session, unless `optional` is set: once a socket is open there is no 401 to answer with.
   * Handshakes of pages of other origins are refused, and so is anything but a WebSocket.
   *
   * @example
   * server.on('upgrade', withSession.upgrade((req, socket, head, session) => {
   *   wss.handleUpgrade(req, socket, head, (ws) => {
   *     ws.on('close', sessions.onEnded(session.sessionId, (reason) => ws.close(4001, reason)))
   *   })
   * }))
   *
   * @throws InvalidOptionsError
   */
  upgrade(handler: UpgradeHandler<Claims, Data>, require?: RequireOptions): UpgradeListener
}

/**
 * Sessions for plain `node:http`. The refresh and logout routes are served; an error of Pawl that the
 * handler throws (by reading `session.userId` without a session, say) is answered; any other is a 500 and
 * goes to `onError`. The returned promise never rejects.
 *
 * @example
 * const withSession = nodeSessions(sessions)
 * createServer(withSession(async (req, res, session) => {
 *   res.end(`Hello ${session.userId}`)
 * }))
 *
 * @throws InvalidOptionsError
 */
export function nodeSessions<Claims extends object, Data>(
  sessions: Sessions<Claims, Data>,
  options: NodeOptions = {},
): WithSession<Claims, Data> {
  const { ip, onError: given = warn, ...httpOptions } = options
  check.optionalFunction('ip', ip)
  check.optionalFunction('onError', given)
  const onError = guard('`onError`', given)
  const http = sessionsOverHttp(sessions, httpOptions)

  // Nothing here is asynchronous by itself, and nothing is made for later: most requests have nothing to wait for,
  // and promises were a quarter of what Pawl took of one, functions for them a twentieth.
  function serve(call: Call<Claims, Data>): void | Promise<void> {
    const opened = http.open(call.exchange)
    return isThenable(opened)
      ? Promise.resolve(opened).then((late) => admit(call, late))
      : admit(call, opened)
  }

  function admit(call: Call<Claims, Data>, { reply, session }: Opened<Claims, Data>): void | Promise<void> {
    if (reply !== undefined) return writeReply(call.res, reply)
    const refused = call.require === undefined ? null : http.refuse(call.exchange, session, call.require)
    return isThenable(refused)
      ? Promise.resolve(refused).then((late) => handle(call, session, late))
      : handle(call, session, refused)
  }

  function handle(
    call: Call<Claims, Data>,
    session: RequestSession<Claims, Data>,
    refused: Reply | null,
  ): void | Promise<void> {
    if (refused !== null) return writeReply(call.res, refused)
    try {
      const { handler, req, res } = call
      const result = handler(req, res, session)
      return isThenable(result)
        ? Promise.resolve(result).then(
            () => {},
            (error: unknown) => answer(call, session, error),
          )
        : undefined
    } catch (error) {
      return answer(call, session, error)
    }
  }

  /** @throws what is no error of Pawl's */
  function answer(
    { res, exchange }: Call<Claims, Data>,
    session: RequestSession<Claims, Data>,
    error: unknown,
  ): void {
    const reply = http.answer(exchange, session, error)
    if (reply === null) throw error
    writeReply(res, reply)
  }

  function fail(error: unknown, req: IncomingMessage, res: ServerResponse): void {
    // Left to itself, an error of a request would end the process and everyone's requests with it.
    if (!res.headersSent) writeReply(res, { status: 500, headers: [], body: null })
    else if (!res.writableEnded) res.destroy()
    onError(error, req, res)
  }

  function withSession(handler: NodeHandler<Claims, Data>, require?: RequireOptions) {
    if (require !== undefined) checkRequire(require)
    return function withPawlSession(req: IncomingMessage, res: ServerResponse): Promise<void> {
      try {
        const exchange = new NodeExchange(req, res, ip === undefined ? NO_HINTS : { ip: ip(req) })
        const served = serve({ req, res, exchange, handler, require })
        return isThenable(served) ? served.catch((error: unknown) => fail(error, req, res)) : DONE
      } catch (error) {
        fail(error, req, res)
        return DONE
      }
    }
  }

  return Object.assign(withSession, {
    upgrade: (handler: UpgradeHandler<Claims, Data>, require: RequireOptions = {}) =>
      upgradeListener(
        { http, ip, onError: (error, req) => onError(error, req, null) },
        handler,
        checkRequire(require),
      ),
  })
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error))
}

/** Most requests share these instead of making their own. */
const NO_HINTS: NodeHints = {}
const DONE: Promise<void> = Promise.resolve()

/** By what it can do: where `Promise` has been replaced, asynchronous functions still return the old kind. */
function isThenable<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}
