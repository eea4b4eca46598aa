import { urlOf } from './request.ts'

/**
 * The requests of clients that a `fetch` function is sending: the path, then the replacements of the global `fetch` that
 * the request has come through.
 */
const underWay = new Set<unknown[]>()

/** Sends a request of a client. */
export async function sendOwn(
  send: typeof fetch,
  input: Request | URL | string,
  init?: RequestInit,
): Promise<Response> {
  const own: unknown[] = [pathOf(input)]
  underWay.add(own)
  try {
    // Not as a method: a browser's `fetch` throws if `this` is another object.
    return await send(input, init)
  } finally {
    underWay.delete(own)
  }
}

/**
 * Whether a request that arrives at a replacement of the global `fetch` comes from a client, and arrives there for the
 * first time. It may have come through a mock or a monitoring tool, which sends a copy.
 */
export function isOwn(replacement: typeof fetch, input: Request | URL | string): boolean {
  const path = pathOf(input)
  for (const own of underWay) {
    if (own[0] === path && !own.includes(replacement)) return !!own.push(replacement)
  }
  return false
}

/** Without the query, which a tool may add to. */
function pathOf(input: Request | URL | string): string {
  return urlOf(input).replace(/[?#].*/, '')
}
