import type { Exchange, Header, ResponseHead } from '../http/exchange.ts'
import { writeHead } from '../http/reply.ts'
import { CSRF_HEADER } from '../wire/names.ts'
import { ANTI_CSRF_HEADER } from './names.ts'

/** Headers that Pawl must not see: the tokens are in the cookies of the translated request. */
const HIDDEN: ReadonlySet<string> = new Set(['authorization', 'pawl-transport'])
/** A client SDK wants an answer in JSON, never a page or a redirect. */
const OF_PAGE_LOADS: ReadonlySet<string> = new Set([
  'accept',
  'sec-fetch-mode',
  'sec-fetch-dest',
  'upgrade-insecure-requests',
])

interface Translation {
  readonly target: string
  /** The header `Cookie` of the translated request. */
  readonly cookie: string
  /** The headers by which a cookie reaches the client. */
  readonly headersOf: (setCookie: string) => readonly Header[]
  /** Whether a client SDK has sent the request. */
  readonly isOfSdk: boolean
}

/** A request of a client SDK, as one of Pawl's cookie mode. */
export class TranslatedExchange implements Exchange {
  readonly method: string
  readonly target: string
  readonly #inner: Exchange
  readonly #translation: Translation

  constructor(inner: Exchange, translation: Translation) {
    this.method = inner.method
    this.target = translation.target
    this.#inner = inner
    this.#translation = translation
  }

  header(name: string): string | undefined {
    const { cookie, isOfSdk } = this.#translation
    if (name === 'cookie') return cookie === '' ? undefined : cookie
    if (HIDDEN.has(name) || (isOfSdk && OF_PAGE_LOADS.has(name))) return undefined
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

  get setsCookiesAlone(): boolean {
    return this.#inner.setsCookiesAlone === true
  }

  json(): Promise<unknown> {
    return this.#inner.json()
  }

  beforeHead(change: (head: ResponseHead) => void): void {
    this.#inner.beforeHead((head) =>
      change({
        get: (name) => head.get(name),
        set: (name, value) => head.set(name, value),
        append: (name, value) =>
          name === 'set-cookie'
            ? writeHead(head, this.#translation.headersOf(value))
            : head.append(name, value),
        names: () => head.names(),
        remove: (name) => head.remove(name),
      }),
    )
  }
}
