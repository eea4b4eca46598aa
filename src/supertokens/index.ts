import type { CookieWriter } from '../http/cookies.ts'
import type { Exchange } from '../http/exchange.ts'
import type { ResolvedHttpOptions } from '../http/options/resolve.ts'
import type { Beside, Conversation, OwnProtocol, Protocol } from '../http/protocol.ts'
import { routePaths } from '../http/routes.ts'
import { check } from '../portable/options/check.ts'
import { resolveTable } from '../portable/options/resolve-table.ts'
import { cookieTokens, MAX_TOKENS, transportOf } from '../wire/credentials.ts'
import { TRANSPORT_HEADER } from '../wire/names.ts'
import { FdiConversation } from './conversation.ts'
import { type Credentials, credentialsOf, fewTokens, isAccessToken } from './credentials.ts'
import { ACCESS_COOKIE, MODE_HEADER, VERSION_HEADER } from './names.ts'
import { SUPERTOKENS_OPTIONS } from './option-table.ts'
import { fdiPaths, isOwnRoute, ownTarget, routeOf } from './routes.ts'
import type { ResolvedSupertokensOptions, SupertokensOptions } from './supertokens-options.ts'
import { createWriters, type Mode } from './writers.ts'

export type { Protocol } from '../http/protocol.ts'
export type { SupertokensOptions } from './supertokens-options.ts'

/**
 * Makes the protocol by which Pawl serves the client SDKs of SuperTokens: web, React Native, iOS, Android and Flutter. It is
 * the session part of their Frontend Driver Interface (FDI 1.16 to 4.2). Pawl's own routes and cookies work beside it.
 *
 * @example
 * app.use(expressSessions(sessions, { protocol: supertokens({ apiBasePath: '/auth' }) }))
 *
 * @throws InvalidOptionsError for an unknown or wrong option
 */
export function supertokens(given: SupertokensOptions = {}): Protocol {
  const { apiBasePath, tokenTransferMethod } = resolveTable<ResolvedSupertokensOptions>(
    SUPERTOKENS_OPTIONS,
    given,
  )
  const hasCookies = tokenTransferMethod === 'any'
  const base = apiBasePath === '/' ? '' : apiBasePath
  return Object.freeze({
    name: 'supertokens',
    open(options: Omit<ResolvedHttpOptions, 'protocol'>) {
      checkPaths(base, options.path)
      const secure = createWriters(options, base, true, hasCookies)
      const local = createWriters(options, base, false, hasCookies)

      function converse(exchange: Exchange, own: OwnProtocol): Conversation | null {
        const route = routeOf(exchange, base)
        const asked = modeOf(exchange)
        const isTheirs = route !== null || asked !== null
        if (!isTheirs && !(hasCookies && mayHaveCookieAlone(exchange))) return null
        if (route === null && isOwn(exchange, options.path)) return null
        const credentials = credentialsOf(exchange, route === 'refresh', hasCookies)
        if (!isTheirs && !hasCookieAlone(exchange, credentials, options)) return null
        const writers = own.cookies.set.secure ? secure : local
        const target = route === null ? exchange.target : ownTarget(route, options.path)
        const around = { own, writers, target, checksCsrfToken: options.csrfToken }
        const loginMode = hasCookies ? asked : 'header'
        return new FdiConversation(exchange, { route, credentials, loginMode }, around)
      }

      function beside(exchange: Exchange, own: CookieWriter): Beside | null {
        const accessTokens = hasCookies ? fewTokens(exchange, ACCESS_COOKIE) : []
        const writers = own.set.secure ? secure : local
        return accessTokens.length === 0 ? null : { accessTokens, clear: () => writers.clearCookies() }
      }

      return { converse, beside }
    },
  })
}

/** Whether a request is meant for Pawl's own protocol, although a client SDK may have added its headers to it. */
function isOwn(exchange: Exchange, path: string): boolean {
  return isOwnRoute(exchange, path) || exchange.header(TRANSPORT_HEADER) !== undefined
}

/**
 * How the tokens of a login are to travel: in headers, unless the client asks for cookies. Null for a request of no client SDK:
 * each sends one of these headers with every request. `rid`, which they send too, is a common name for the id of a request.
 */
function modeOf(exchange: Exchange): Mode | null {
  const asked = exchange.header(MODE_HEADER)
  if (asked === undefined && exchange.header(VERSION_HEADER) === undefined) return null
  return asked?.trim().toLowerCase() === 'cookie' ? 'cookie' : 'header'
}

/** Costs nearly nothing, because every request by Pawl's own protocol is asked. */
function mayHaveCookieAlone(exchange: Exchange): boolean {
  return exchange.header('cookie')?.includes(`${ACCESS_COOKIE}=`) === true
}

/**
 * Whether a request has an access token in a cookie of the protocol, and nothing of Pawl's own. Browsers send such requests
 * without a script: page loads, forms and WebSocket handshakes.
 */
function hasCookieAlone(
  exchange: Exchange,
  { accessCookies }: Credentials,
  { cookies, localCookies }: Pick<ResolvedHttpOptions, 'cookies' | 'localCookies'>,
): boolean {
  if (transportOf(exchange) === 'bearer') return false
  const header = exchange.header('cookie')
  const isSignedIn = [cookies, localCookies].some(
    (set) => set !== null && [set.access, set.refresh].some((name) => cookieTokens(header, name).length > 0),
  )
  return !isSignedIn && accessCookies.slice(0, MAX_TOKENS).some(isAccessToken)
}

/** @throws InvalidOptionsError */
function checkPaths(base: string, path: string): void {
  const own = routePaths(path)
  if (fdiPaths(base).some((route) => own.includes(route)))
    check.fail('path', path, 'another path than the routes of `protocol` have')
}
