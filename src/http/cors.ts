import { CSRF_HEADER, TRANSPORT_HEADER } from '../wire/names.ts'
import type { Exchange, Reply, ResponseHead } from './exchange.ts'
import type { ResolvedHttpOptions } from './options/resolve.ts'
import { addName, createReply } from './reply.ts'

/** Seconds that a browser may cache the answer to a preflight; Chromium's upper bound. */
const PREFLIGHT_MAX_AGE = 7200
/** Response headers that a client reads besides those open to every page. */
const EXPOSED_HEADERS = 'Retry-After'
/** Request headers that every preflight allows, whatever the application uses. */
const PAWL_HEADERS = ['authorization', 'content-type', CSRF_HEADER, TRANSPORT_HEADER]
const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE'
const MAX_REQUESTED_HEADERS = 32

/**
 * Lets pages of the `trustedOrigins` call this server with its cookies (Fetch standard, "CORS protocol").
 * Exact origins only: with credentials, browsers do not accept `*`.
 */
export interface Cors {
  /** Adds the CORS headers to the response. @returns the answer to a preflight, else null */
  handle(exchange: Exchange): Reply | null
}

export function createCors({ trustedOrigins }: ResolvedHttpOptions): Cors {
  return {
    handle(exchange) {
      const origin = exchange.header('origin')
      const isTrusted = origin !== undefined && trustedOrigins.has(origin) && isCrossOrigin(exchange, origin)
      if (isTrusted && isPreflight(exchange)) return preflightReply(exchange, origin)
      exchange.beforeHead((head) => {
        // Also for requests without an origin: a cache must not serve their answer to one with an origin.
        head.set('vary', addName(head.get('vary'), 'Origin'))
        if (isTrusted) allow(head, origin)
      })
      return null
    },
  }
}

export function isPreflight(exchange: Exchange): boolean {
  return exchange.method === 'OPTIONS' && exchange.header('access-control-request-method') !== undefined
}

export function isCrossOrigin(exchange: Exchange, origin: string): boolean {
  if (exchange.header('sec-fetch-site') === 'same-origin') return false
  return !URL.canParse(origin) || new URL(origin).host !== exchange.header('host')
}

function allow(head: ResponseHead, origin: string): void {
  head.set('access-control-allow-origin', origin)
  head.set('access-control-allow-credentials', 'true')
  head.set(
    'access-control-expose-headers',
    addName(head.get('access-control-expose-headers'), EXPOSED_HEADERS),
  )
}

function preflightReply(exchange: Exchange, origin: string): Reply {
  const requested = (exchange.header('access-control-request-headers') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => /^[\w!#$%&'*+.^`|~-]{1,64}$/.test(name))
    .slice(0, MAX_REQUESTED_HEADERS)
  return createReply(204, [
    ['access-control-allow-origin', origin],
    ['access-control-allow-credentials', 'true'],
    ['access-control-allow-methods', METHODS],
    // A trusted origin may send any header.
    ['access-control-allow-headers', [...new Set([...PAWL_HEADERS, ...requested])].join(', ')],
    ['access-control-max-age', String(PREFLIGHT_MAX_AGE)],
    ['vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'],
  ])
}
