import { urlOf } from './request.ts'

/** A request of a client that a `fetch` function is sending. */
interface OwnRequest {
  readonly key: string
  /** The replacements of the global `fetch` that it has come through. */
  readonly seenBy: Set<typeof fetch>
}

const underWay = new Set<OwnRequest>()

/** Sends a request of a client. */
export async function sendOwn(
  send: typeof fetch,
  input: Request | URL | string,
  init?: RequestInit,
): Promise<Response> {
  const own: OwnRequest = { key: keyOf(input, init), seenBy: new Set() }
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
export function isOwn(replacement: typeof fetch, input: Request | URL | string, init?: RequestInit): boolean {
  const key = keyOf(input, init)
  for (const own of underWay)
    if (own.key === key && !own.seenBy.has(replacement)) return !!own.seenBy.add(replacement)
  return false
}

/** What tells a request from those of the page, also in a copy. Without the query, which a tool may add to. */
function keyOf(input: Request | URL | string, init?: RequestInit): string {
  const given = (name: 'method' | 'credentials'): unknown => init?.[name] ?? (input as Partial<Request>)[name]
  const [path] = urlOf(input).split(/[?#]/)
  return `${given('method') ?? 'get'} ${given('credentials') ?? 'same-origin'} ${path}`.toLowerCase()
}
