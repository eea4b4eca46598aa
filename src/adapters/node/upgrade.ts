import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Reply } from '../../http/exchange.ts'
import { handleAndSettle, type RequireOptions, type SessionsOverHttp } from '../../http/http.ts'
import { isHandshake } from '../../http/incoming-request.ts'
import { emptyReply } from '../../http/reply.ts'
import type { RequestSession } from '../../http/request-session.ts'
import { NodeExchange } from '../shared/node-exchange.ts'

/**
 * A handler that takes over a WebSocket handshake, for example by `handleUpgrade` of a WebSocket library. The session reads
 * as in any request. In cookie mode `create` and `revoke` throw a TypeError, because a handshake sets no cookies.
 */
export type UpgradeHandler<Claims extends object, Data> = (
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  session: RequestSession<Claims, Data>,
) => unknown

/** A listener for the event `upgrade` of a `node:http` server. Its promise never rejects. */
export type UpgradeListener = (req: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>

interface UpgradeParts<Claims extends object, Data> {
  readonly http: SessionsOverHttp<Claims, Data>
  readonly ip: ((req: IncomingMessage) => string | undefined) | undefined
  readonly onError: (error: unknown, req: IncomingMessage) => void
}

const NOT_A_HANDSHAKE = emptyReply(400)
const FAILED = emptyReply(500)

export function upgradeListener<Claims extends object, Data>(
  { http, ip, onError }: UpgradeParts<Claims, Data>,
  handler: UpgradeHandler<Claims, Data>,
  require: RequireOptions,
): UpgradeListener {
  /** @returns the answer; null after the handler has taken over the socket */
  async function serve(
    req: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    hasBegun: () => boolean,
  ): Promise<Reply | null> {
    const exchange = new NodeExchange(req, socket, { ip: ip?.(req) })
    if (!isHandshake(exchange)) return NOT_A_HANDSHAKE
    const { reply, session } = await handleAndSettle(http, exchange)
    if (reply !== undefined) return reply
    const refused = await http.authorize(session, require)
    if (refused !== null) return refused
    // The client may have disconnected during a read of the store.
    if (socket.destroyed) return null
    try {
      await handler(req, socket, head, session)
      return null
    } catch (error) {
      const answer = hasBegun() ? null : http.answer(session, error)
      if (answer === null) throw error
      return answer
    }
  }

  return async function pawlUpgrade(req, socket, head) {
    // With the `upgrade` event the server removes its listeners, and an unhandled error would end the process.
    socket.on('error', () => {})
    const { bytesWritten } = req.socket
    const hasBegun = (): boolean => req.socket.bytesWritten > bytesWritten
    try {
      const reply = await serve(req, socket, head, hasBegun)
      if (reply !== null) writeHandshakeReply(socket, reply)
    } catch (error) {
      if (hasBegun()) socket.destroy()
      else writeHandshakeReply(socket, FAILED)
      onError(error, req)
    }
  }
}

/** There is no `ServerResponse` for a handshake. */
function writeHandshakeReply(socket: Duplex, { status, headers, body }: Reply): void {
  const content = Buffer.from(body ?? '')
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `date: ${new Date().toUTCString()}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    `content-length: ${content.length}`,
    'connection: close',
  ]
  // The client may never close the connection, so the server does.
  socket.once('finish', () => socket.destroy())
  socket.end(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), content]))
}
