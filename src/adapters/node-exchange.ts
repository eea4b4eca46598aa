import type { IncomingMessage, ServerResponse } from 'node:http'
import onHeaders from 'on-headers'
import { type Exchange, HEADERS_OF_BODY, type Reply, type ResponseHead, writeHead } from '../http/exchange.ts'
import { readJsonBody } from '../http/json-body.ts'

/** What a framework on top of `node:http` may know better. */
export interface NodeHints {
  readonly target?: string | undefined
  readonly secure?: boolean | undefined
  readonly ip?: string | undefined
  /** A body that was parsed already. */
  readonly body?: unknown
}

/** What an exchange knows of its request alone. Classes, as every request makes one: a literal with accessors takes ten times as long. */
export class NodeRequest implements Omit<Exchange, 'signal' | 'beforeHead'> {
  readonly method: string
  readonly target: string
  readonly secure: boolean
  readonly ip: string | undefined
  readonly peer: string | undefined
  readonly #req: IncomingMessage
  readonly #body: unknown

  constructor(req: IncomingMessage, hints: NodeHints) {
    const { socket } = req
    const peer = socket.remoteAddress
    this.method = req.method ?? 'GET'
    this.target = hints.target ?? req.url ?? '/'
    this.secure = hints.secure ?? 'encrypted' in socket
    this.ip = hints.ip ?? peer
    this.peer = peer
    this.#req = req
    this.#body = hints.body
  }

  header(name: string): string | undefined {
    const { headers } = this.#req
    // HTTP/2 has no Host header but a pseudo-header in its place.
    const value = headers[name] ?? (name === 'host' ? headers[':authority'] : undefined)
    return typeof value === 'string' ? value : value?.join(', ')
  }

  json(): Promise<unknown> {
    return this.#body === undefined
      ? readJsonBody(this.#req.headers['content-type'], this.#req)
      : Promise.resolve(this.#body)
  }
}

export class NodeExchange extends NodeRequest implements Exchange {
  readonly #res: ServerResponse

  constructor(req: IncomingMessage, res: ServerResponse, hints: NodeHints) {
    super(req, hints)
    this.#res = res
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
    if (res.headersSent) throw new TypeError('the response has begun: its cookies can no longer be set')
    onHeaders(res, () => change(headOf(res)))
  }
}

export function writeReply(res: ServerResponse, { status, headers, body }: Reply): void {
  if (res.headersSent) {
    res.destroy()
    return
  }
  res.statusCode = status
  for (const name of HEADERS_OF_BODY) res.removeHeader(name)
  // Node.js leaves the length alone once it has been removed.
  if (status !== 204 && status !== 304) res.setHeader('content-length', Buffer.byteLength(body ?? ''))
  writeHead(headOf(res), headers)
  res.end(body ?? undefined)
}

function headOf(res: ServerResponse): ResponseHead {
  return {
    get: (name) => res.getHeader(name)?.toString(),
    set: (name, value) => res.setHeader(name, value),
    append: (name, value) => res.appendHeader(name, value),
  }
}
