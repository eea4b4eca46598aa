/** The commonly used part of `XMLHttpRequest`, on top of a `fetch`. Only asynchronous. */
export function fakeXhr(fetch: typeof globalThis.fetch): typeof XMLHttpRequest {
  class FakeXhr extends EventTarget {
    readyState = 0
    status = 0
    response: string | null = ''
    responseType = ''
    withCredentials = false
    onload: ((event: Event) => void) | null = null
    #init: { method: string; headers: Record<string, string> } = { method: 'GET', headers: {} }
    #url = ''
    /** Increases with each `open` and `abort`. */
    #attempt = 0

    constructor() {
      super()
      // The `onload` property is a listener too. It runs after the listeners that a subclass adds in its constructor.
      queueMicrotask(() => this.addEventListener('load', (event) => this.onload?.(event)))
    }
    get responseText(): string | null {
      return this.response
    }
    open(method: string, url: string): void {
      this.#attempt++
      this.#init = { method, headers: {} }
      this.#url = url
      this.#changeState(1)
    }
    setRequestHeader(name: string, value: string): void {
      const { headers } = this.#init
      const key = Object.keys(headers).find((other) => other.toLowerCase() === name.toLowerCase())
      // As in browsers: a second value is appended.
      headers[key ?? name] = key ? `${headers[key]}, ${value}` : value
    }
    abort(): void {
      this.#attempt++
      this.readyState = this.status = 0
    }
    send(body: BodyInit | null = null): void {
      if (this.readyState !== 1) throw new Error('InvalidStateError')
      void this.#send(body)
    }
    async #send(body: BodyInit | null): Promise<void> {
      const attempt = this.#attempt
      const credentials = this.withCredentials ? 'include' : 'same-origin'
      this.#fire('loadstart')
      try {
        const response = await fetch(this.#url, { ...this.#init, body, credentials })
        if (attempt !== this.#attempt) return
        this.status = response.status
        this.#changeState(2)
        const text = await response.text()
        // JSON is no document.
        this.response = this.responseType === 'document' ? null : text
        this.#changeState(3)
        this.#fire('progress')
        this.#changeState(4)
        this.#fire('load')
      } catch {
        this.status = 0
        this.#changeState(4)
        this.#fire('error')
      }
      this.#fire('loadend')
    }
    #changeState(state: number): void {
      this.readyState = state
      this.#fire('readystatechange')
    }
    #fire(type: string): void {
      this.dispatchEvent(new Event(type))
    }
  }
  return FakeXhr as unknown as typeof XMLHttpRequest
}
