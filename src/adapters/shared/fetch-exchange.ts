import { type Exchange, type Reply, type ResponseHead, writeHead } from '../../http/exchange.ts'
import { readJsonBody } from '../../http/json-body.ts'

/** A request and its response in the words of the Fetch standard, for every framework that speaks them. */
export interface FetchExchange extends Exchange {
  /** Changes the head of a response as the request's session wants it; done once, right before it is returned. */
  finish(response: Response): Response
  /** The same for a framework that keeps the head apart from the body. */
  finishHead(head: ResponseHead): void
}

/** What a framework or its runtime may know better. */
export interface FetchHints {
  readonly target?: string | undefined
  readonly secure?: boolean | undefined
  readonly ip?: string | undefined
  readonly peer?: string | undefined
  /** Reads a body that was read before. */
  readonly json?: (() => Promise<unknown>) | undefined
}

/** As much of a `Request` as is looked at. */
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
  }

  header(name: string): string | undefined {
    // A `Request` built by hand has no Host header; its URL says the same.
    return this.#request.headers.get(name) ?? (name === 'host' ? this.#host : undefined)
  }

  get signal(): Exchange['signal'] {
    const request = this.#request
    return {
      // Servers build a request's signal, and with it the request, when it is first asked for.
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

  finishHead(head: ResponseHead): void {
    this.#finished = true
    for (const change of this.#changes) change(head)
  }

  finish(response: Response): Response {
    // No copy can be made of the answer to a handshake, nor of an error of the network.
    if (this.#changes.length > 0 && response.status >= 200)
      return withHead(response, (head) => this.finishHead(head))
    this.#finished = true
    return response
  }
}

/** A response from elsewhere may be immutable, so its head is changed in a copy. */
function withHead(response: Response, change: (head: ResponseHead) => void): Response {
  const headers = new Headers(response.headers)
  change(headOf(headers))
  const { status, statusText } = response
  return new Response(response.body, { status, statusText, headers })
}

/** An answer of Pawl's own; what others have begun of its head stays in it. */
export function toResponse({ status, headers, body }: Reply, begun?: Headers): Response {
  const merged = new Headers(begun)
  writeHead(headOf(merged), headers)
  return new Response(body, { status, headers: merged })
}

function headOf(headers: Headers): ResponseHead {
  return {
    get: (name) => headers.get(name) ?? undefined,
    set: (name, value) => headers.set(name, value),
    append: (name, value) => headers.append(name, value),
  }
}
