import type { SessionClient } from './client.ts'
import type { SessionFetch } from './fetch.ts'
import { isOwn } from './own-requests.ts'
import { urlOf } from './request.ts'

/**
 * Replaces the global `fetch` by one that sends the requests to the API through the client. It does not change requests to
 * other hosts.
 * @returns a function that restores the previous `fetch`
 *
 * @example
 * attachFetch(client)
 * await fetch('/notes')
 */
export function attachFetch(client: SessionClient): () => void {
  const original = globalThis.fetch
  let attached = true
  const replacement: typeof fetch = (input, init) => {
    const url = urlOf(input)
    // Absolute, because the client takes a path alone to be below `baseUrl`.
    return attached && client.hooks.covers(url) && !isOwn(replacement, input, init)
      ? (client.fetch as SessionFetch)((input as Partial<Request>).url ? input : url, init, original)
      : original(input, init)
  }
  globalThis.fetch = replacement
  return () => {
    attached = false
    // Something else may have replaced it since. It then calls a function that only passes requests on.
    if (globalThis.fetch === replacement) globalThis.fetch = original
  }
}
