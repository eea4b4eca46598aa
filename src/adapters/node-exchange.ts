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

export function nodeExchange(req: IncomingMessage, res: ServerResponse, hints: NodeHints = {}): Exchange {
  return {
    ...nodeRequest(req, hints),
    signal: {
      get aborted() {
        return res.destroyed
      },
    },
    beforeHead(change) {
      if (res.headersSent) throw new TypeError('the response has begun: its cookies can no longer be set')
      onHeaders(res, () => change(headOf(res)))
    },
  }
}

/** What an exchange knows of its request alone. */
export function nodeRequest(req: IncomingMessage, hints: NodeHints): Omit<Exchange, 'signal' | 'beforeHead'> {
  const { socket } = req
  return {
    method: req.method ?? 'GET',
    target: hints.target ?? req.url ?? '/',
    header(name) {
      // HTTP/2 has no Host header but a pseudo-header in its place.
      const value = req.headers[name] ?? (name === 'host' ? req.headers[':authority'] : undefined)
      return typeof value === 'string' ? value : value?.join(', ')
    },
    secure: hints.secure ?? 'encrypted' in socket,
    ip: hints.ip ?? socket.remoteAddress,
    peer: socket.remoteAddress,
    json: () =>
      hints.body === undefined ? readJsonBody(req.headers['content-type'], req) : Promise.resolve(hints.body),
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
