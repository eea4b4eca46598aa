import type { Exchange, ResponseHead } from '../../src/http/exchange.ts'

interface Given {
  readonly method?: string
  readonly target?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly secure?: boolean
  readonly peer?: string | undefined
  readonly body?: unknown
  readonly signal?: { aborted: boolean }
}

export interface FakeExchange extends Exchange {
  /** Sends the headers of the response. @returns the headers as sent */
  sendHead(headers?: Headers): Headers
}

/** A request and its response without a framework. */
export function fakeExchange(given: Given = {}): FakeExchange {
  const changes: ((head: ResponseHead) => void)[] = []
  let sent = false
  return {
    method: given.method ?? 'GET',
    target: given.target ?? '/',
    header: (name) => given.headers?.[name],
    secure: given.secure ?? false,
    ip: given.peer,
    peer: given.peer,
    signal: given.signal ?? { aborted: false },
    json: async () => given.body ?? null,
    beforeHead(change) {
      if (sent) throw new TypeError('the head has been sent')
      changes.push(change)
    },
    sendHead(headers = new Headers()) {
      sent = true
      for (const change of changes) {
        change({
          get: (name) => headers.get(name) ?? undefined,
          set: (name, value) => headers.set(name, value),
          append: (name, value) => headers.append(name, value),
          names: () => headers.keys(),
          remove: (name) => headers.delete(name),
        })
      }
      return headers
    },
  }
}
