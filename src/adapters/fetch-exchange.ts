import type { Exchange, Reply, ResponseHead } from '../http/exchange.ts'
import { readJsonBody } from '../http/json-body.ts'

/** A request and its response in the words of the Fetch standard, for every framework that speaks them. */
export interface FetchExchange extends Exchange {
  /** Changes the head of a response as the request's session wants it; done once, right before it is returned. */
  finish(response: Response): Response
}

/** What a framework or its runtime may know better. */
export interface FetchHints {
  readonly secure?: boolean | undefined
  readonly ip?: string | undefined
  readonly peer?: string | undefined
}

export function fetchExchange(request: Request, hints: FetchHints = {}): FetchExchange {
  const url = new URL(request.url)
  const changes: ((head: ResponseHead) => void)[] = []
  let finished = false
  return {
    method: request.method,
    target: url.pathname + url.search,
    // A `Request` built by hand has no Host header; its URL says the same.
    header: (name) => request.headers.get(name) ?? (name === 'host' ? url.host : undefined),
    secure: hints.secure ?? url.protocol === 'https:',
    ip: hints.ip,
    peer: hints.peer,
    signal: request.signal,
    json: () =>
      readJsonBody(request.headers.get('content-type'), request.body as AsyncIterable<Uint8Array> | null),
    beforeHead(change) {
      if (finished) throw new TypeError('the response has been returned: its cookies can no longer be set')
      changes.push(change)
    },
    finish(response) {
      finished = true
      return changes.length === 0 ? response : withHead(response, changes)
    },
  }
}

/** A response from elsewhere may be immutable, so its head is changed in a copy. */
function withHead(response: Response, changes: readonly ((head: ResponseHead) => void)[]): Response {
  const headers = new Headers(response.headers)
  const head: ResponseHead = {
    get: (name) => headers.get(name) ?? undefined,
    set: (name, value) => headers.set(name, value),
    append: (name, value) => headers.append(name, value),
  }
  for (const change of changes) change(head)
  const { status, statusText } = response
  return new Response(response.body, { status, statusText, headers })
}

export function toResponse({ status, headers, body }: Reply): Response {
  return new Response(body, {
    status,
    headers: headers.map(([name, value]): [string, string] => [name, value]),
  })
}
