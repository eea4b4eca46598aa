import type { Engine } from '../core/engine.ts'
import type { Exchange, Header } from './exchange.ts'
import { reportLargeCookies } from './large-cookies.ts'
import type { Conversation } from './protocol.ts'
import { forbidCaching } from './reply.ts'

/** Cookies that wait for the head of a response. */
export interface PendingCookies {
  readonly cookies: readonly string[]
  /** Headers that go with them. */
  readonly headers: readonly Header[]
  /** A head sent after this time sets none of them. Milliseconds. */
  readonly until: number
}

const NONE: PendingCookies = { cookies: [], headers: [], until: 0 }

/** The cookies that one response will set. */
export class ResponseCookies {
  readonly #exchange: Exchange
  readonly #engine: Engine
  readonly #conversation: Conversation | null
  #pending: PendingCookies = NONE
  #head: 'untouched' | 'reserved' | 'sent' = 'untouched'

  constructor(exchange: Exchange, engine: Engine, conversation: Conversation | null) {
    this.#exchange = exchange
    this.#engine = engine
    this.#conversation = conversation
  }

  get pending(): PendingCookies {
    return this.#pending
  }

  /** Whether the head has not been sent yet. */
  get areSettable(): boolean {
    try {
      this.reserve()
      return true
    } catch (error) {
      if (error instanceof TypeError) return false
      throw error
    }
  }

  /** Asks to be called before the head is sent. @throws TypeError when it has been sent */
  reserve(): void {
    if (this.#head === 'sent') throw new TypeError('the response has begun: its cookies can no longer be set')
    if (this.#head === 'reserved') return
    this.#exchange.beforeHead((head) => {
      this.#head = 'sent'
      const { cookies, headers, until } = this.#pending
      if (cookies.length === 0 || this.#engine.clock.now() > until) return
      for (const cookie of cookies) head.append('set-cookie', cookie)
      for (const [name, value] of headers) head.append(name, value)
      forbidCaching(head)
    })
    this.#head = 'reserved'
  }

  /** Replaces all pending cookies. @throws TypeError when the head has been sent */
  set(
    cookies: readonly string[],
    until: number = Number.POSITIVE_INFINITY,
    headers: readonly Header[] = [],
  ): void {
    this.reserve()
    this.#pending = { cookies, headers, until }
    reportLargeCookies(this.#engine, cookies, this.#conversation)
  }

  /** As {@link set}, for the cookies of a refresh: later they would break the timing that the protocol relies on. */
  setInTime(cookies: readonly string[], headers: readonly Header[] = []): void {
    const { clock, options } = this.#engine
    this.set(cookies, clock.now() + options.decideWithin, headers)
  }

  /** Takes the pending cookies away, for another response to set. */
  release(): PendingCookies {
    const pending = this.#pending
    this.#pending = NONE
    return pending
  }
}
