import type { IncomingMessage, ServerResponse } from 'node:http'
import { guard } from '../../core/observability/events.ts'
import {
  checkRequire,
  handleAndSettle,
  type RequireOptions,
  type SessionsSource,
  sessionsOverHttp,
} from '../../http/http.ts'
import type { HttpOptions } from '../../http/options/resolve.ts'
import { emptyReply } from '../../http/reply.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { assertHandler } from '../../http/uncalled.ts'
import { isPromise } from '../../portable/is-promise.ts'
import { check } from '../../portable/options/check.ts'
import { printable } from '../../portable/printable.ts'
import { assertFramework } from '../shared/assert-framework.ts'
import { addressFunction } from '../shared/client-address.ts'
import { isNodeExchange, NodeExchange, writeReply } from '../shared/node-exchange.ts'

import { type UpgradeHandler, type UpgradeListener, upgradeListener } from './upgrade.ts'

export type { RequireOptions } from '../../http/http.ts'
export type { CookieOptions, HttpOptions } from '../../http/options/resolve.ts'
export type { RequestSession, SessionOf } from '../../http/request-session.ts'
export type { UpgradeHandler, UpgradeListener } from './upgrade.ts'

const VERSIONS = 'requests and responses of `node:http` (with a `Request` use pawl/fetch)'

/** The options of {@link nodeSessions}. All of them are optional. */
export interface NodeOptions extends HttpOptions {
  /**
   * A function that returns the address of the client, if a proxy hides it. If it throws, Pawl emits a process warning.
   * @defaultValue the address at the other end of the socket
   */
  readonly ip?: (req: IncomingMessage) => string | undefined
  /**
   * A function that Pawl calls with every error that it does not answer. The client has then got an empty 500, unless the
   * response had begun. `res` is null for a WebSocket handshake.
   * @defaultValue a process warning
   */
  readonly onError?: (error: unknown, req: IncomingMessage, res: ServerResponse | null) => void
}

/** A handler for `createServer` that also takes the session of the request. */
export type NodeHandler<Claims extends object, Data> = (
  req: IncomingMessage,
  res: ServerResponse,
  session: RequestSession<Claims, Data>,
) => unknown

/** A function that adds sessions to the handlers of a `node:http` server. {@link nodeSessions} makes it. */
export interface WithSession<Claims extends object, Data> {
  /**
   * Turns a handler that takes a session into one for `createServer`.
   * @param require the requirements of the handler. If you give it, every request needs a session
   * @throws InvalidOptionsError for an unknown or wrong requirement
   * @throws TypeError if `handler` is not a function
   */
  (
    handler: NodeHandler<Claims, Data>,
    require?: RequireOptions,
  ): (req: IncomingMessage, res: ServerResponse) => Promise<void>
  /**
   * Turns a handler into a listener for the server's event `upgrade`. A WebSocket handshake always needs a session, unless
   * `optional` is set, because an open socket cannot answer 401. Pawl refuses handshakes of pages of other origins, and
   * upgrades to other protocols.
   *
   * @example
   * server.on('upgrade', withSession.upgrade((req, socket, head, session) => {
   *   wss.handleUpgrade(req, socket, head, (ws) => {
   *     ws.on('close', sessions.onEnded(session.sessionId, (reason) => ws.close(4001, reason)))
   *   })
   * }))
   *
   * @throws InvalidOptionsError for an unknown or wrong requirement
   * @throws TypeError if `handler` is not a function
   */
  upgrade(handler: UpgradeHandler<Claims, Data>, require?: RequireOptions): UpgradeListener
}

/**
 * Makes the function that adds sessions to plain `node:http`. It serves the refresh and logout routes, and refuses
 * cross-site requests that may change state. It answers the errors of Pawl that a handler throws, for example by reading
 * `session.userId` without a session. It answers any other error with 500 and passes it to `onError`. The promise of a
 * handler never rejects.
 *
 * @example
 * const withSession = nodeSessions(sessions)
 * createServer(withSession(async (req, res, session) => {
 *   res.end(`Hello ${session.userId}`)
 * }))
 *
 * @throws InvalidOptionsError for an unknown or wrong option
 * @throws TypeError if `sessions` are neither sessions, nor a promise of them, nor a function that makes them
 */
export function nodeSessions<Claims extends object, Data>(
  sessions: SessionsSource<Claims, Data>,
  options: NodeOptions = {},
): WithSession<Claims, Data> {
  const { ip, onError: given = warn, ...httpOptions } = options
  const addressOf = addressFunction(ip)
  check.optionalFunction('onError', given)
  const onError = guard('`onError`', given)
  const http = sessionsOverHttp(sessions, httpOptions, 'nodeSessions')

  function withSession(handler: NodeHandler<Claims, Data>, require?: RequireOptions) {
    assertHandler('withSession((req, res, session) => …)', handler)
    if (require !== undefined) checkRequire(require)

    async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
      const exchange = new NodeExchange(req, res, addressOf === undefined ? {} : { ip: addressOf(req) })
      // Awaited only if the store is needed: then the handler of most requests runs at once.
      const handled = handleAndSettle(http, exchange)
      const { reply, session } = isPromise(handled) ? await handled : handled
      if (reply !== undefined) return writeReply(res, reply)
      const authorized = require === undefined ? null : http.authorize(session, require)
      const denial = isPromise(authorized) ? await authorized : authorized
      if (denial !== null) return writeReply(res, denial)
      try {
        await handler(req, res, session)
      } catch (error) {
        const answer = http.answer(session, error)
        if (answer === null) throw error
        writeReply(res, answer)
      }
    }

    return async function withPawlSession(req: IncomingMessage, res: ServerResponse): Promise<void> {
      assertFramework(isNodeExchange(req, res), 'nodeSessions', VERSIONS)
      try {
        await serve(req, res)
      } catch (error) {
        // An uncaught error would end the process, and with it all other requests.
        if (!res.headersSent) writeReply(res, emptyReply(500))
        else if (!res.writableEnded) res.destroy()
        onError(error, req, res)
      }
    }
  }

  return Object.assign(withSession, {
    upgrade(handler: UpgradeHandler<Claims, Data>, require: RequireOptions = {}) {
      assertHandler('withSession.upgrade((req, socket, head, session) => …)', handler)
      const parts = {
        http,
        ip: addressOf,
        onError: (error: unknown, req: IncomingMessage) => onError(error, req, null),
      }
      return upgradeListener(parts, handler, checkRequire(require))
    },
  })
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? printableError(error) : printable(String(error)))
}

/** The error itself, unless its message could control the terminal that shows the warning: it may quote the request. */
function printableError(error: Error): Error {
  const message = printable(error.message)
  if (message === error.message) return error
  return Object.assign(new Error(message, { cause: error }), { name: printable(error.name) })
}
