import type { SessionClient } from './client.ts'
import { urlOf } from './request.ts'

/**
 * Sends every `fetch` of the page through the client. The client changes nothing about requests to other hosts.
 * @returns a function that restores the previous `fetch`
 *
 * @example
 * attachFetch(client)
 * await fetch('/notes')
 */
export function attachFetch(client: SessionClient): () => void {
  const original = globalThis.fetch
  globalThis.fetch = async (input, init) =>
    // Absolute, because the client takes a path alone to be below `baseUrl`.
    client.fetch((input as Partial<Request>).url ? input : urlOf(input), init)
  return () => {
    globalThis.fetch = original
  }
}
