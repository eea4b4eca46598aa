import type { SessionClient } from './client.ts'
import { urlOf } from './request.ts'

/**
 * Sends every `fetch` of the page through the client, which leaves alone what does not go to the API.
 * @returns its undo
 *
 * @example
 * attachFetch(client)
 * await fetch('/notes')
 */
export function attachFetch(client: SessionClient): () => void {
  const original = globalThis.fetch
  // Absolute, because a path alone would be looked for below `baseUrl`.
  globalThis.fetch = async (input, init) => client.fetch((input as Request).url ? input : urlOf(input), init)
  return () => {
    globalThis.fetch = original
  }
}
