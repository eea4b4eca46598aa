/** As much of XMLHttpRequest as code commonly uses, on a `fetch`. Only asynchronous. */
export function fakeXhr(fetch: typeof globalThis.fetch): typeof XMLHttpRequest {
  class FakeXhr extends EventTarget {
    readyState = 0
    status = 0
    response = ''
    withCredentials = false
    onload: ((event: Event) => void) | null = null
    #init: { method: string; headers: Record<string, string> } = { method: 'GET', headers: {} }
    #url = ''
    #turn = 0

    constructor() {
      super()
      // An `on…` attribute is a listener too, later than those of the constructor of a subclass.
      queueMicrotask(() => this.addEventListener('load', (event) => this.onload?.(event)))
    }
    get responseText(): string {
      return this.response
    }
    open(method: string, url: string): void {
      this.#turn++
      this.#init = { method, headers: {} }
      this.#url = url
      this.#to(1)
    }
    setRequestHeader(name: string, value: string): void {
      this.#init.headers[name] = value
    }
    abort(): void {
      this.#turn++
      this.readyState = this.status = 0
    }
    send(body: BodyInit | null = null): void {
      void this.#send(body)
    }
    async #send(body: BodyInit | null): Promise<void> {
      const turn = this.#turn
      const credentials = this.withCredentials ? 'include' : 'same-origin'
      this.#tell('loadstart')
      try {
        const answer = await fetch(this.#url, { ...this.#init, body, credentials })
        if (turn !== this.#turn) return
        this.status = answer.status
        this.#to(2)
        this.response = await answer.text()
        this.#to(3)
        this.#tell('progress')
        this.#to(4)
        this.#tell('load')
      } catch {
        this.#to(4)
        this.#tell('error')
      }
      this.#tell('loadend')
    }
    #to(state: number): void {
      this.readyState = state
      this.#tell('readystatechange')
    }
    #tell(type: string): void {
      this.dispatchEvent(new Event(type))
    }
  }
  return FakeXhr as unknown as typeof XMLHttpRequest
}
