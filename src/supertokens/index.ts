import type { Exchange } from '../http/exchange.ts'
import type { ResolvedHttpOptions } from '../http/options/resolve.ts'
import type { Conversation, OwnProtocol, Protocol } from '../http/protocol.ts'
import { ownPaths } from '../http/routes.ts'
import { check } from '../portable/options/check.ts'
import { resolveTable } from '../portable/options/resolve-table.ts'
import { cookieTokens, transportOf } from '../wire/credentials.ts'
import { TRANSPORT_HEADER } from '../wire/names.ts'
import { converse, converseAtOwnLogout } from './conversation.ts'
import { type Credentials, credentialsOf, isAccessToken, MAX_TOKENS } from './credentials.ts'
import { ACCESS_COOKIE, MODE_HEADER } from './names.ts'
import { SUPERTOKENS_OPTIONS } from './option-table.ts'
import { isOwnLogout, isOwnRoute, ownTarget, routeOf, routePaths } from './routes.ts'
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
        const loginMode = modeOf(exchange)
        if (route === null && loginMode === null && !mayHaveCookie(exchange)) return null
        const credentials = credentialsOf(exchange, route === 'refresh')
        const writers = own.cookies.set.secure ? secure : local
        if (route === null && isOwnRoute(exchange, options.path))
          return isOwnLogout(exchange, options.path) && isSilentBrowser(exchange, credentials)
            ? converseAtOwnLogout(exchange, credentials, { own, writers })
            : null
        if (route === null && exchange.header(TRANSPORT_HEADER) !== undefined) return null
        const isSilent = route === null && loginMode === null
        if (isSilent && (hasOwnCookie(exchange, options) || !isSilentBrowser(exchange, credentials)))
          return null
        const target = route === null ? exchange.target : ownTarget(route, options.path)
        const around = { own, writers, target, checksCsrfToken: options.csrfToken }
        return converse(exchange, { route, credentials, loginMode }, around)
      }
    },
  })
}

/** How a client SDK wants the tokens of a login: in headers, unless it asks for cookies. Null if no SDK has sent the request. */
function modeOf(exchange: Exchange): 'cookie' | 'header' | null {
  const mode = exchange.header(MODE_HEADER)?.trim().toLowerCase()
  return mode === undefined ? null : mode === 'cookie' ? 'cookie' : 'header'
}

/** Cheap, because it is asked about every request of Pawl's own clients. */
function mayHaveCookie(exchange: Exchange): boolean {
  return exchange.header('cookie')?.includes(`${ACCESS_COOKIE}=`) === true
}

/**
 * Whether a request has an access token in a cookie of the protocol. Browsers send such requests without a script: page loads,
 * forms and WebSocket handshakes.
 */
function isSilentBrowser(exchange: Exchange, { accessCookies }: Credentials): boolean {
  return transportOf(exchange) === 'cookie' && accessCookies.slice(0, MAX_TOKENS).some(isAccessToken)
}

function hasOwnCookie(
  exchange: Exchange,
  { cookies, localCookies }: Pick<ResolvedHttpOptions, 'cookies' | 'localCookies'>,
): boolean {
  const header = exchange.header('cookie')
  return [cookies, localCookies].some(
    (set) => set !== null && [set.access, set.refresh].some((name) => cookieTokens(header, name).length > 0),
  )
}

/** @throws InvalidOptionsError */
function checkPaths(base: string, path: string): void {
  const own = ownPaths(path)
  if (routePaths(base).some((route) => own.includes(route)))
    check.fail('path', path, 'another path than the routes of `protocol` have')
}
