import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import onHeaders from 'on-headers'
import type { Exchange, Reply, ResponseHead } from '../../http/exchange.ts'
import { readJsonBody } from '../../http/json-body.ts'
import { BODY_HEADERS, writeHead } from '../../http/reply.ts'

/** Properties of a request that a framework on `node:http` adds. Read only when needed, as some are slow. */
export interface NodeHints {
  readonly originalUrl?: string | undefined
  /** The path at which Express has mounted the router or middleware that runs now. */
  readonly baseUrl?: string | undefined
  readonly protocol?: string | undefined
  readonly ip?: string | undefined
  /** A body that was already parsed. */
  readonly body?: unknown
}

export class NodeExchange implements Exchange {
  readonly method: string
  readonly target: string
  readonly mountPath: string | undefined
  readonly #req: IncomingMessage
  readonly #res: ServerResponse | Duplex
  readonly #hints: NodeHints

  /** @param res for a WebSocket handshake, which has no response of Node's, its socket */
  constructor(req: IncomingMessage, res: ServerResponse | Duplex, hints: NodeHints) {
    this.method = req.method ?? 'GET'
    this.target = hints.originalUrl ?? req.url ?? '/'
    // Read at once, because it changes with each router.
    this.mountPath = hints.baseUrl
    this.#req = req
    this.#res = res
    this.#hints = hints
  }

  get secure(): boolean {
    const { protocol } = this.#hints
    if (protocol !== undefined) return protocol === 'https'
    // A plain socket of Node.js lacks the property, one of Bun has `false`.
    return (this.#req.socket as Partial<TLSSocket>).encrypted === true
  }

  get ip(): string | undefined {
    return this.#hints.ip ?? this.peer
  }

  get peer(): string | undefined {
    return this.#req.socket.remoteAddress
  }

  header(name: string): string | undefined {
    const { headers } = this.#req
    // HTTP/2 has no Host header but a pseudo-header in its place.
    const value = headers[name] ?? (name === 'host' ? headers[':authority'] : undefined)
    return Array.isArray(value) ? value.join(', ') : value
  }

  json(): Promise<unknown> {
    const { body = (this.#req as NodeHints).body } = this.#hints
    if (body !== undefined) return Promise.resolve(body)
    return readJsonBody(this.#req.headers['content-type'], this.#req)
  }

  get signal(): Exchange['signal'] {
    const res = this.#res
    return {
      get aborted() {
        return res.destroyed
      },
    }
  }

  beforeHead(change: (head: ResponseHead) => void): void {
    const res = this.#res
    if (!('headersSent' in res))
      throw new TypeError('a WebSocket handshake sets no cookies: sign in and out by a request of its own')
    if (res.headersSent) throw new TypeError('the response has begun: its cookies can no longer be set')
    onHeaders(res, () => change(headOf(res)))
  }
}

/** Whether these are a request and a response of `node:http`, or of `node:http2` in its compatible form. */
export function isNodeExchange(req: IncomingMessage | undefined, res: ServerResponse | undefined): boolean {
  return req?.socket !== undefined && typeof res?.setHeader === 'function'
}

export function writeReply(res: ServerResponse, { status, headers, body }: Reply): void {
  if (res.headersSent) {
    res.destroy()
    return
  }
  res.statusCode = status
  for (const name of BODY_HEADERS) res.removeHeader(name)
  // Node.js does not compute a length again that has been removed.
  if (status !== 204 && status !== 304) res.setHeader('content-length', Buffer.byteLength(body ?? ''))
  writeHead(headOf(res), headers)
  res.end(body ?? undefined)
}

function headOf(res: ServerResponse): ResponseHead {
  return {
    get: (name) => res.getHeader(name)?.toString(),
    set: (name, value) => res.setHeader(name, value),
    append: (name, value) => res.appendHeader(name, value),
    names: () => res.getHeaderNames(),
    remove: (name) => res.removeHeader(name),
  }
}
