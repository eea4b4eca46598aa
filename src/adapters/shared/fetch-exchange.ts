import type { Exchange, Reply, ResponseHead } from '../../http/exchange.ts'
import { readJsonBody } from '../../http/json-body.ts'
import { writeHead } from '../../http/reply.ts'

/** An exchange of a `Request` and a `Response` (Fetch standard). */
export interface FetchExchange extends Exchange {
  /** Sets the session's headers on the response. Called once, right before the response is returned. */
  finish(response: Response): Response
  /** Whether {@link finish} will change the head. */
  readonly changesHead: boolean
  /** As {@link finish}, for a framework that keeps the head apart from the body. */
  finishHead(head: ResponseHead): void
}

/** Values that the framework or its runtime knows and the `Request` does not. */
export interface FetchHints {
  readonly target?: string | undefined
  readonly secure?: boolean | undefined
  readonly ip?: string | undefined
  readonly peer?: string | undefined
  /** Finds the path at which the adapter is mounted. */
  readonly mountPath?: (() => string | undefined) | undefined
  /** Reads a body that was already consumed. */
  readonly json?: (() => Promise<unknown>) | undefined
}

/** The part of a `Request` that Pawl uses. */
export interface FetchRequest extends Pick<Request, 'method' | 'url' | 'body' | 'signal'> {
  readonly headers: Pick<Headers, 'get'>
}

export function fetchExchange(request: FetchRequest, hints: FetchHints = {}): FetchExchange {
  return new RequestExchange(request, hints)
}

class RequestExchange implements FetchExchange {
  readonly method: string
  readonly target: string
  readonly secure: boolean
  readonly ip: string | undefined
  readonly peer: string | undefined
  readonly #request: FetchRequest
  readonly #host: string
  readonly #json: FetchHints['json']
  readonly #mountPath: FetchHints['mountPath']
  readonly #changes: ((head: ResponseHead) => void)[] = []
  #finished = false

  constructor(request: FetchRequest, hints: FetchHints) {
    const url = new URL(request.url)
    this.method = request.method
    this.target = hints.target ?? url.pathname + url.search
    this.secure = hints.secure ?? url.protocol === 'https:'
    this.ip = hints.ip
    this.peer = hints.peer
    this.#request = request
    this.#host = url.host
    this.#json = hints.json
    this.#mountPath = hints.mountPath
  }

  header(name: string): string | undefined {
    // A `Request` that was not received from a client has no Host header, but its URL names the host.
    return this.#request.headers.get(name) ?? (name === 'host' ? this.#host : undefined)
  }

  get mountPath(): string | undefined {
    return this.#mountPath?.()
  }

  get signal(): Exchange['signal'] {
    const request = this.#request
    return {
      // Some servers create a request's signal, and the request with it, on first access.
      get aborted() {
        return request.signal.aborted
      },
    }
  }

  json(): Promise<unknown> {
    if (this.#json !== undefined) return this.#json()
    const { headers, body } = this.#request
    return readJsonBody(headers.get('content-type'), body as AsyncIterable<Uint8Array> | null)
  }

  beforeHead(change: (head: ResponseHead) => void): void {
    if (this.#finished)
      throw new TypeError('the response has been returned: its cookies can no longer be set')
    this.#changes.push(change)
  }

  get changesHead(): boolean {
    return this.#changes.length > 0
  }

  finishHead(head: ResponseHead): void {
    this.#finished = true
    for (const change of this.#changes) change(head)
  }

  finish(response: Response): Response {
    // Responses to a handshake and network errors cannot be copied.
    if (this.changesHead && response.status >= 200) return withHead(response, (head) => this.finishHead(head))
    this.#finished = true
    return response
  }
}

/** A response may be immutable, so its head is changed in a copy. */
function withHead(response: Response, change: (head: ResponseHead) => void): Response {
  const headers = new Headers(response.headers)
  change(headOf(headers))
  const { status, statusText } = response
  return new Response(response.body, { status, statusText, headers })
}

/** An answer of Pawl's own. @param begun headers that the application has already set */
export function toResponse({ status, headers, body }: Reply, begun?: Headers): Response {
  const merged = new Headers(begun)
  writeHead(headOf(merged), headers)
  // The DOM's types, with which tests are checked, take no array whose buffer may be shared.
  return new Response(body as string | null, { status, headers: merged })
}

function headOf(headers: Headers): ResponseHead {
  return {
    get: (name) => headers.get(name) ?? undefined,
    set: (name, value) => headers.set(name, value),
    append: (name, value) => headers.append(name, value),
    names: () => headers.keys(),
    remove: (name) => headers.delete(name),
  }
}
