import type { SessionClient } from './client.ts'
import type { Ticket } from './hooks.ts'
import { isSafe, urlOf } from './request.ts'

/**
 * Replaces `XMLHttpRequest` by one that sends what goes to the API through the client: for code that uses it
 * directly or through a library. Synchronous requests are left alone. Of a request that is repeated, the
 * listeners see the second answer only, but upload events twice; `abort()` while it waits for a refresh
 * fires no event.
 * @returns its undo
 *
 * @example
 * import { attachXhr } from 'pawl/client/xhr'
 * attachXhr(client)
 */
export function attachXhr({ hooks }: SessionClient): () => void {
  const Original = globalThis.XMLHttpRequest

  globalThis.XMLHttpRequest = class extends Original {
    #opened: OpenParameters = ['', '']
    #headers: [name: string, value: string][] = []
    /** Meets the events of the request under way. None, or another one: that request was given up. */
    #meet: ((event: Event) => void) | undefined

    constructor() {
      super()
      // Being the first of all listeners, this one can keep events from the others.
      for (const type of ['readystatechange', 'loadstart', 'progress', 'load', 'loadend'])
        this.addEventListener(type, (event) => this.#meet?.(event))
    }

    override open(...parameters: OpenParameters): void {
      this.#meet = undefined
      this.#opened = parameters
      this.#headers = []
      super.open(...(parameters as [string, string, boolean]))
    }

    override setRequestHeader(...header: [name: string, value: string]): void {
      super.setRequestHeader(...header)
      this.#headers.push(header)
    }

    override abort(): void {
      this.#meet = undefined
      super.abort()
    }

    override send(body?: Document | XMLHttpRequestBodyInit | null): void {
      const [method, url, async = true] = this.#opened
      if (!async || !hooks.covers(urlOf(url))) {
        super.send(body)
        return
      }
      let ticket: Ticket
      let repeats: Ticket | undefined
      let quiet = false

      const meet = (event: Event): void => {
        quiet ||= !repeats && this.readyState > 1 && /40[13]/.test(`${this.status}`)
        if (!quiet) return
        event.stopImmediatePropagation()
        if (event.type === 'loadend') void work(settle)
      }
      const start = async (): Promise<void> => {
        ticket = await hooks.before(method, repeats)
        if (this.#meet !== meet) return
        if (repeats) {
          super.open(...(this.#opened as [string, string, boolean]))
          for (const header of this.#headers) super.setRequestHeader(...header)
        }
        for (const name in ticket.headers) super.setRequestHeader(name, ticket.headers[name]!)
        this.withCredentials = ticket.withCredentials
        super.send(body)
        quiet = false
      }
      const settle = async (): Promise<void> => {
        const led = this.responseURL
        // An answer from elsewhere says nothing of the session; and whatever answered with a redirect has done
        // its work.
        const redirected = !!led && led !== urlOf(url).replace(/#.*/, '')
        if (!led || hooks.covers(led)) {
          const again = await hooks.after(ticket, this.status, this.response)
          if (again && (isSafe(method) || !redirected)) {
            repeats = ticket
            return start()
          }
        }
        // It was the application's own after all.
        finish('readystatechange', 'load', 'loadend')
      }
      const finish = (...types: string[]): void => {
        if (this.#meet !== meet) return
        this.#meet = undefined
        for (const type of types) this.dispatchEvent(new Event(type))
      }
      // Without an answer it looks like a request without a network.
      const work = (step: () => Promise<void>): Promise<void> =>
        step().catch(() => {
          if (this.#meet !== meet) return
          // Nothing is left of the 401.
          super.abort()
          finish('readystatechange', 'error', 'loadend')
        })

      this.#meet = meet
      void work(start)
    }
  }
  return () => {
    globalThis.XMLHttpRequest = Original
  }
}

type OpenParameters = [
  method: string,
  url: string | URL,
  async?: boolean,
  username?: string | null,
  password?: string | null,
]
