import type { Exchange } from '../http/exchange.ts'
import type { ResolvedHttpOptions } from '../http/options/resolve.ts'
import type { Conversation, OwnProtocol, Protocol } from '../http/protocol.ts'
import { check } from '../portable/options/check.ts'
import { resolveTable } from '../portable/options/resolve-table.ts'
import { cookieTokens, transportOf } from '../wire/credentials.ts'
import { TRANSPORT_HEADER } from '../wire/names.ts'
import { converse } from './conversation.ts'
import { credentialsOf, isAccessToken } from './credentials.ts'
import { MODE_HEADER, SDK_HEADERS } from './names.ts'
import { SUPERTOKENS_OPTIONS } from './option-table.ts'
import { isOwnRoute, ownPaths, ownTarget, routeOf, routePaths } from './routes.ts'
import type { ResolvedSupertokensOptions, SupertokensOptions } from './supertokens-options.ts'
import { createWriters } from './writers.ts'

export type { Protocol } from '../http/protocol.ts'
export type { SupertokensOptions } from './supertokens-options.ts'

/**
 * Serves the session part of SuperTokens' frontend protocol (FDI 1.16 to 4.2), for its client SDKs: web, React Native, iOS,
 * Android and Flutter. Pawl's own routes and cookies work beside it.
 *
 * @example
 * app.use(expressSessions(sessions, { protocol: supertokens({ apiBasePath: '/auth' }) }))
 *
 * @throws InvalidOptionsError
 */
export function supertokens(given: SupertokensOptions = {}): Protocol {
  const { apiBasePath } = resolveTable<ResolvedSupertokensOptions>(SUPERTOKENS_OPTIONS, given)
  const base = apiBasePath === '/' ? '' : apiBasePath
  return Object.freeze({
    name: 'supertokens',
    open(options: Omit<ResolvedHttpOptions, 'protocol'>) {
      checkPaths(base, options.path)
      const secure = createWriters(options, base, true)
      const local = createWriters(options, base, false)

      return (exchange: Exchange, own: OwnProtocol): Conversation | null => {
        const route = routeOf(exchange, base)
        const isOfSdk = SDK_HEADERS.some((name) => exchange.header(name) !== undefined)
        if (route === null && !isOfSdk && !hasCookieAlone(exchange, options)) return null
        if (route === null && isOwn(exchange, options.path)) return null
        const loginMode = isOfSdk ? modeOf(exchange) : null
        const credentials = credentialsOf(exchange, route === 'refresh')
        const writers = own.cookies.set.secure ? secure : local
        const target = route === null ? exchange.target : ownTarget(route, options.path)
        const around = { own, writers, target, checksCsrfToken: options.csrfToken }
        return converse(exchange, { route, credentials, loginMode }, around)
      }
    },
  })
}

/** Whether a request is meant for Pawl's own protocol, although a client SDK may have added its headers to it. */
function isOwn(exchange: Exchange, path: string): boolean {
  return isOwnRoute(exchange, path) || exchange.header(TRANSPORT_HEADER) !== undefined
}

/** How the tokens of a login are to travel: in headers, unless the client asks for cookies. */
function modeOf(exchange: Exchange): 'cookie' | 'header' {
  return exchange.header(MODE_HEADER)?.trim().toLowerCase() === 'cookie' ? 'cookie' : 'header'
}

/**
 * Whether a request has an access token in a cookie of the protocol, and nothing of Pawl's own. Browsers send such requests
 * without a script: page loads, forms and WebSocket handshakes.
 */
function hasCookieAlone(
  exchange: Exchange,
  { cookies, localCookies }: Pick<ResolvedHttpOptions, 'cookies' | 'localCookies'>,
): boolean {
  const header = exchange.header('cookie')
  if (header === undefined || transportOf(exchange) === 'bearer') return false
  const isSignedIn = [cookies, localCookies].some(
    (set) => set !== null && [set.access, set.refresh].some((name) => cookieTokens(header, name).length > 0),
  )
  return !isSignedIn && credentialsOf(exchange, false).accessCookies.some(isAccessToken)
}

/** @throws InvalidOptionsError */
function checkPaths(base: string, path: string): void {
  const own = ownPaths(path)
  if (routePaths(base).some((route) => own.includes(route)))
    check.fail('path', path, 'another path than the routes of `protocol` have')
}
