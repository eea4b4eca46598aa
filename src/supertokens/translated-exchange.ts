import type { Exchange, Header, ResponseHead } from '../http/exchange.ts'
import { writeHead } from '../http/reply.ts'
import { CSRF_HEADER } from '../wire/names.ts'
import { ANTI_CSRF_HEADER } from './names.ts'

/** Headers that Pawl must not see: the tokens are in the cookies of the translated request. */
const OF_TOKENS: ReadonlySet<string> = new Set(['authorization', 'pawl-transport'])
/** Headers that Pawl must not see of a client SDK. It wants an answer in JSON, never a page or a redirect. */
const OF_PAGES: ReadonlySet<string> = new Set([
  'accept',
  'sec-fetch-mode',
  'sec-fetch-dest',
  'upgrade-insecure-requests',
])

/** A request of a client SDK or of its browser, as one of Pawl's cookie mode. */
export class TranslatedExchange implements Exchange {
  readonly method: string
  readonly target: string
  readonly #inner: Exchange
  readonly #cookie: string
  readonly #isOfSdk: boolean
  readonly #headersOf: (setCookie: string) => readonly Header[]

  /**
   * @param cookie the header `Cookie` of the translated request
   * @param isOfSdk whether a client SDK reads the answer
   * @param headersOf the headers by which a cookie reaches the client
   */
  constructor(
    inner: Exchange,
    target: string,
    cookie: string,
    isOfSdk: boolean,
    headersOf: (setCookie: string) => readonly Header[],
  ) {
    this.method = inner.method
    this.target = target
    this.#inner = inner
    this.#cookie = cookie
    this.#isOfSdk = isOfSdk
    this.#headersOf = headersOf
  }

  header(name: string): string | undefined {
    if (name === 'cookie') return this.#cookie === '' ? undefined : this.#cookie
    if (OF_TOKENS.has(name) || (this.#isOfSdk && OF_PAGES.has(name))) return undefined
    const value = this.#inner.header(name)
    return value === undefined && name === CSRF_HEADER ? this.#inner.header(ANTI_CSRF_HEADER) : value
  }

  get secure(): boolean {
    return this.#inner.secure
  }

  get ip(): string | undefined {
    return this.#inner.ip
  }

  get peer(): string | undefined {
    return this.#inner.peer
  }

  get signal(): Exchange['signal'] {
    return this.#inner.signal
  }

  json(): Promise<unknown> {
    return this.#inner.json()
  }

  /** @throws TypeError also for a client SDK whose answer cannot take the headers of the protocol: its tokens would be lost */
  beforeHead(change: (head: ResponseHead) => void): void {
    if (this.#isOfSdk && this.#inner.takesOnlyCookies === true)
      throw new TypeError(
        'this response sets no headers, and the client SDK needs some. Sign in and out in a Route Handler, not in a Server Action',
      )
    this.#inner.beforeHead((head) =>
      change({
        get: (name) => head.get(name),
        set: (name, value) => head.set(name, value),
        append: (name, value) =>
          name === 'set-cookie' ? writeHead(head, this.#headersOf(value)) : head.append(name, value),
        names: () => head.names(),
        remove: (name) => head.remove(name),
      }),
    )
  }
}
