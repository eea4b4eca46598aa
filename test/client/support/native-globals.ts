type Body = string | null | undefined

interface Init {
  readonly method?: string
  readonly headers?: HeadersInit
  readonly body?: Body
  readonly credentials?: RequestCredentials
  readonly signal?: Signal | null
}

/** A signal that has no `reason` and cannot throw it. */
class Signal extends EventTarget {
  aborted = false
}

class Controller {
  readonly signal: Signal = new Signal()
  abort(): void {
    if (this.signal.aborted) return
    this.signal.aborted = true
    this.signal.dispatchEvent(new Event('abort'))
  }
}

/** What is common to the requests and responses of the polyfill: the whole body, and no stream. */
class Message {
  readonly headers: Headers
  readonly content: Body
  bodyUsed = false

  constructor(headers: HeadersInit | undefined, content: Body) {
    this.headers = new Headers(headers)
    this.content = content
  }
  async text(): Promise<string> {
    if (this.bodyUsed) throw new TypeError('Already read')
    this.bodyUsed = true
    return this.content ?? ''
  }
  async json(): Promise<unknown> {
    return JSON.parse(await this.text())
  }
}

/** It takes a URL as it is given. It has a signal, and nothing of `referrer`, `cache`, `redirect` or `keepalive`. */
class NativeRequest extends Message {
  readonly url: string
  readonly method: string
  readonly credentials: RequestCredentials
  readonly signal: Signal

  constructor(input: NativeRequest | string | URL, init: Init = {}) {
    const given = input instanceof NativeRequest ? input : undefined
    super(init.headers ?? given?.headers, init.body ?? given?.content)
    if (given && !init.body) given.bodyUsed = true
    this.url = given?.url ?? String(input)
    this.method = (init.method ?? given?.method ?? 'GET').toUpperCase()
    this.credentials = init.credentials ?? given?.credentials ?? 'same-origin'
    this.signal = init.signal ?? given?.signal ?? new Signal()
  }
  clone(): NativeRequest {
    return new NativeRequest(this, this.content ? { body: this.content } : {})
  }
}

/** It has neither `body` nor `redirected`. */
class NativeResponse extends Message {
  readonly status: number
  readonly ok: boolean
  readonly url: string

  constructor(
    content?: Body,
    { status = 200, headers, url = '' }: { status?: number; headers?: HeadersInit; url?: string } = {},
  ) {
    super(headers, content)
    this.status = status
    this.ok = status >= 200 && status < 300
    this.url = url
  }
  clone(): NativeResponse {
    return new NativeResponse(this.content, this)
  }
}

/** What React Native before 0.88 gives the client: a `fetch` made of XMLHttpRequest, and no DOM. */
export function nativeGlobals(network: typeof fetch): {
  readonly [name: string]: unknown
  readonly Request: typeof NativeRequest
  readonly AbortController: typeof Controller
} {
  async function nativeFetch(input: NativeRequest | string, init?: Init): Promise<NativeResponse> {
    const request = new NativeRequest(input, init)
    const { url, method, headers, credentials, content = null, signal } = request
    const refuse = (): Error => Object.assign(new Error('Aborted'), { name: 'AbortError' })
    if (signal.aborted) throw refuse()
    const abort = new AbortController()
    const onAbort = (): void => abort.abort()
    signal.addEventListener('abort', onAbort)
    try {
      const response = await network(url, {
        method,
        headers,
        credentials,
        body: content,
        signal: abort.signal,
      })
      return new NativeResponse(await response.text(), {
        status: response.status,
        headers: response.headers,
        url: response.url || url,
      })
    } catch (error) {
      throw abort.signal.aborted ? refuse() : error
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
  return {
    fetch: nativeFetch,
    Request: NativeRequest,
    Response: NativeResponse,
    Headers,
    AbortController: Controller,
    AbortSignal: Signal,
    setTimeout,
    clearTimeout,
    queueMicrotask,
    performance: { now: () => performance.now() },
    navigator: { product: 'ReactNative' },
    console,
  }
}
