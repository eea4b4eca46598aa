import type { SessionClient } from './client.ts'
import type { Ticket } from './hooks.ts'
import { hidesReason, isBearer, isRedirected, isSafe, urlOf } from './request.ts'

/**
 * Replaces the global `XMLHttpRequest` by a class that sends the requests to the API through the client. It serves code that
 * uses `XMLHttpRequest` directly or through a library. It does not change synchronous requests.
 *
 * If the client repeats a request, its listeners see only the second response, but upload events twice. `timeout` counts
 * for each of the two requests, not for the refresh.
 * @returns a function that restores the previous `XMLHttpRequest`
 *
 * @example
 * import { attachXhr } from 'pawl/client/xhr'
 * attachXhr(client)
 */
export function attachXhr({ hooks }: SessionClient): () => void {
  const Original = globalThis.XMLHttpRequest
  let attached = true

  const Replacement = class extends Original {
    #opened: OpenParameters = ['', '']
    #headers: [name: string, value: string][] = []
    /** Filters the events of the request under way. Aborting or reopening the request removes its filter. */
    #filter: ((event: Event) => void) | undefined
    /** Whether the request waits for the client. Aborting it then fires no event by itself. */
    #waits = false

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
      const waits = this.#filter && this.#waits
      this.#filter = undefined
      super.abort()
      if (waits) for (const type of ['abort', 'loadend']) this.dispatchEvent(new Event(type))
    }

    override send(body?: Document | XMLHttpRequestBodyInit | null): void {
      const [method, url, async = true] = this.#opened
      // In another state than "opened", it throws.
      if (!attached || this.readyState !== 1 || !async || !hooks.covers(urlOf(url))) {
        super.send(body)
        return
      }
      let ticket: Ticket
      let repeats: Ticket | undefined
      let hidden = false

      const filter = (event: Event): void => {
        hidden ||= !repeats && this.readyState > 1 && /40[13]/.test(`${this.status}`)
        // The body of the 401 broke off, or timed out.
        if (this.readyState === 4 && !this.status) hidden = false
        if (!hidden) return
        event.stopImmediatePropagation()
        if (event.type !== 'loadend') return
        this.#waits = true
        void run(finish)
      }
      const start = async (): Promise<void> => {
        const { responseType } = this
        ticket = await hooks.before(method, repeats, hidesReason(method, responseType))
        if (this.#filter !== filter) return
        const headers = this.#headers
        const isOurs = ([name]: (typeof headers)[number]): boolean => name.toLowerCase() in ticket.headers
        this.#waits = false
        // A request with another token says nothing about the session.
        if (ticket.withCredentials && headers.some(isOwnToken)) {
          this.#filter = undefined
          super.send(body)
          return
        }
        if (repeats || headers.some(isOurs)) {
          // React Native opens a request only after an abort, which resets the response type.
          super.abort()
          super.open(...(this.#opened as [string, string, boolean]))
          this.responseType = responseType
          for (const header of headers) if (!isOurs(header)) super.setRequestHeader(...header)
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
      this.#waits = true
      void run(start)
    }
  }
  globalThis.XMLHttpRequest = Replacement
  return () => {
    attached = false
    // Something else may have replaced it since. It then uses a class that only passes requests on.
    if (globalThis.XMLHttpRequest === Replacement) globalThis.XMLHttpRequest = Original
  }
}

function isOwnToken([name, value]: readonly [name: string, value: string]): boolean {
  return name.toLowerCase() === 'authorization' && isBearer(value)
}

type OpenParameters = [
  method: string,
  url: string | URL,
  async?: boolean,
  username?: string | null,
  password?: string | null,
]
