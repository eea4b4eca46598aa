import { CSRF_HEADER, NONCE_HEADER, PROOF_HEADER, TRANSPORT_HEADER } from '../wire/names.ts'
import type { Exchange, Header, Reply, ResponseHead } from './exchange.ts'
import { isFromOtherOrigin, isOrigin } from './origin.ts'
import { addName, createReply } from './reply.ts'

/** Seconds that a browser may cache the answer to a preflight; Chromium's upper bound. */
const PREFLIGHT_MAX_AGE = 7200
/** Response headers that a client reads besides those open to every page. */
const EXPOSED_HEADERS = ['Retry-After', NONCE_HEADER]
/** Request headers that every preflight allows, whatever the application uses. */
const PAWL_HEADERS = ['authorization', 'content-type', CSRF_HEADER, PROOF_HEADER, TRANSPORT_HEADER]
const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE'
const MAX_REQUESTED_HEADERS = 32

/**
 * Lets pages of the `trustedOrigins` call this server with its cookies (Fetch standard, "CORS protocol").
 * Exact origins only: with credentials, browsers do not accept `*`.
 */
export interface Cors {
  /**
   * Adds the CORS headers to the response.
   * @param isTrusted whether the origin of the request is one of `trustedOrigins`
   * @returns the answer to a preflight, else null
   */
  handle(exchange: Exchange, isTrusted: boolean): Reply | null
  /** The answer to a request refused for its origin, with the headers that let its page read the code. */
  refuse(exchange: Exchange, refusal: Reply): Reply
}

export function createCors(): Cors {
  return {
    handle(exchange, isTrusted) {
      const origin = exchange.header('origin') ?? ''
      const isAllowed = isTrusted && isFromOtherOrigin(exchange, origin)
      if (isAllowed && isPreflight(exchange)) return preflightReply(exchange, origin)
      exchange.beforeHead((head) => {
        // Also for requests without an origin: a cache must not serve their answer to one with an origin.
        head.set('vary', addName(head.get('vary'), 'Origin'))
        if (isAllowed) allow(head, origin)
      })
      return null
    },
    refuse(exchange, refusal) {
      const origin = exchange.header('origin')
      // The refusal depends on no cookie and holds the code alone, so any page may read it. Browsers ask for
      // credentials even so: the page's request carries them.
      return isOrigin(origin) ? { ...refusal, headers: [...refusal.headers, ...allowing(origin)] } : refusal
    },
  }
}

function allowing(origin: string): readonly Header[] {
  return [
    ['access-control-allow-origin', origin],
    ['access-control-allow-credentials', 'true'],
  ]
}

export function isPreflight(exchange: Exchange): boolean {
  return exchange.method === 'OPTIONS' && exchange.header('access-control-request-method') !== undefined
}

function allow(head: ResponseHead, origin: string): void {
  for (const [name, value] of allowing(origin)) head.set(name, value)
  head.set(
    'access-control-expose-headers',
    EXPOSED_HEADERS.reduce(addName, head.get('access-control-expose-headers') ?? ''),
  )
}

function preflightReply(exchange: Exchange, origin: string): Reply {
  const requested = (exchange.header('access-control-request-headers') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => /^[\w!#$%&'*+.^`|~-]{1,64}$/.test(name))
    .slice(0, MAX_REQUESTED_HEADERS)
  return createReply(204, [
    ...allowing(origin),
    ['access-control-allow-methods', METHODS],
    // A trusted origin may send any header.
    ['access-control-allow-headers', [...new Set([...PAWL_HEADERS, ...requested])].join(', ')],
    ['access-control-max-age', String(PREFLIGHT_MAX_AGE)],
    ['vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'],
  ])
}
