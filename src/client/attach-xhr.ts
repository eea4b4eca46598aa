import type { SessionClient } from './client.ts'
import type { Ticket } from './hooks.ts'
import { isRedirected, isSafe, urlOf } from './request.ts'

/**
 * Replaces `XMLHttpRequest` by a class that sends requests to the API through the client. It serves code that uses
 * `XMLHttpRequest` directly or through a library. Synchronous requests are not handled.
 *
 * If a request is repeated, its listeners see only the second response, but upload events twice. `abort()` fires no
 * event while the request waits for a refresh.
 * @returns a function that restores the previous `XMLHttpRequest`
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
    /** Filters the events of the request under way. Aborting or reopening the request removes its filter. */
    #filter: ((event: Event) => void) | undefined

    constructor() {
      super()
      // The first listener can hide events from the others.
      for (const type of ['readystatechange', 'loadstart', 'progress', 'load', 'loadend'])
        this.addEventListener(type, (event) => this.#filter?.(event))
    }

    override open(...parameters: OpenParameters): void {
      this.#filter = undefined
      this.#opened = parameters
      this.#headers = []
      super.open(...(parameters as [string, string, boolean]))
    }

    override setRequestHeader(...header: [name: string, value: string]): void {
      super.setRequestHeader(...header)
      this.#headers.push(header)
    }

    override abort(): void {
      this.#filter = undefined
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
      let hidden = false

      const filter = (event: Event): void => {
        hidden ||= !repeats && this.readyState > 1 && /40[13]/.test(`${this.status}`)
        if (!hidden) return
        event.stopImmediatePropagation()
        if (event.type === 'loadend') void run(finish)
      }
      const start = async (): Promise<void> => {
        ticket = await hooks.before(method, repeats)
        if (this.#filter !== filter) return
        if (repeats) {
          super.open(...(this.#opened as [string, string, boolean]))
          for (const header of this.#headers) super.setRequestHeader(...header)
        }
        for (const name in ticket.headers) super.setRequestHeader(name, ticket.headers[name]!)
        this.withCredentials = ticket.withCredentials
        super.send(body)
        hidden = false
      }
      const finish = async (): Promise<void> => {
        const { responseURL } = this
        // A response of another host says nothing about the session.
        if (!responseURL || hooks.covers(responseURL)) {
          const again = await hooks.after(ticket, this.status, this.response)
          // After a redirect, the request itself was carried out: only the page that it led to was refused.
          if (again && (isSafe(method) || !responseURL || !isRedirected(urlOf(url), responseURL))) {
            repeats = ticket
            return start()
          }
        }
        // The response is for the application.
        dispatch('readystatechange', 'load', 'loadend')
      }
      const dispatch = (...types: string[]): void => {
        if (this.#filter !== filter) return
        this.#filter = undefined
        for (const type of types) this.dispatchEvent(new Event(type))
      }
      // If the refresh gets no response, the request looks like one without a network.
      const run = (step: () => Promise<void>): Promise<void> =>
        step().catch(() => {
          if (this.#filter !== filter) return
          // Discards the 401.
          super.abort()
          dispatch('readystatechange', 'error', 'loadend')
        })

      this.#filter = filter
      void run(start)
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
