import type { CookieWriter } from '../http/cookies.ts'
import type { Exchange, Header, Reply } from '../http/exchange.ts'
import type { Beside, Conversation, OwnProtocol } from '../http/protocol.ts'
import { jsonReply } from '../http/reply.ts'
import type { CsrfRejectedError } from '../portable/errors.ts'
import { MAX_TOKENS } from '../wire/credentials.ts'
import { type Answer, answerTo, codeOf, MUST_REFRESH, NOT_SIGNED_IN, OK, REFRESHED } from './answers.ts'
import { type Credentials, fewTokens } from './credentials.ts'
import { frontTokenOf } from './front-token.ts'
import {
  ACCESS_COOKIE,
  ACCESS_HEADER,
  ANTI_CSRF_HEADER,
  FRONT_HEADER,
  REFRESH_COOKIE,
  REFRESH_HEADER,
  REMOVE,
} from './names.ts'
import type { Route } from './routes.ts'
import { TranslatedExchange } from './translated-exchange.ts'
import type { Mode, Writers } from './writers.ts'

/** What a request says, before anything is checked. */
export interface Request {
  /** A route of the protocol; null for one of the application. */
  readonly route: Route | null
  readonly credentials: Credentials
  /** How the tokens of a login are to travel. Null if no client SDK sent the request: then by Pawl's own protocol. */
  readonly loginMode: Mode | null
}

export interface Surroundings {
  readonly own: OwnProtocol
  readonly writers: Writers
  /** The target of the translated request. */
  readonly target: string
  /** Whether requests that change state must carry a CSRF token. */
  readonly checksCsrfToken: boolean
}

/** In place of an access token: it is refused, and the client refreshes. */
const LEGACY_TOKEN = 'legacy'

export class FdiConversation implements Conversation {
  readonly exchange: Exchange
  readonly cookies: CookieWriter
  readonly loginCookies: CookieWriter
  readonly usesCookies: boolean
  readonly beside: Beside | null
  readonly showsAccessToken: boolean
  readonly refreshes: boolean
  readonly #request: Request
  readonly #around: Surroundings
  readonly #accessTokens: readonly string[]

  constructor(exchange: Exchange, request: Request, around: Surroundings) {
    const { credentials, loginMode } = request
    const { writers, own, target } = around
    this.#request = request
    this.#around = around
    this.refreshes = request.route !== null || loginMode !== null
    this.#accessTokens = accessTokensOf(request)
    const refreshTokens = refreshTokensOf(request)
    const hasCookies = credentials.accessCookies.length > 0 || credentials.refreshCookies.length > 0
    this.usesCookies = hasCookies || loginMode !== 'header'
    this.beside = this.usesCookies ? besideOf(exchange, credentials, own.cookies) : null
    const mode = credentials.header === null && this.usesCookies ? 'cookie' : 'header'
    this.showsAccessToken = mode === 'cookie'
    this.cookies = writers[mode]
    this.loginCookies = loginMode === null ? own.cookies : writers[loginMode]
    const cookie = [
      ...this.#accessTokens.map((token) => `${ACCESS_COOKIE}=${token}`),
      ...refreshTokens.map((token) => `${REFRESH_COOKIE}=${token}`),
    ].join('; ')
    this.exchange = new TranslatedExchange(exchange, target, cookie, this.refreshes, this.headersOf)
  }

  reply(reply: Reply, rejection?: CsrfRejectedError): Reply {
    const headers = reply.headers.flatMap((header) =>
      header[0] === 'set-cookie' ? this.headersOf(header[1]) : [header],
    )
    if (!this.refreshes) return { ...reply, headers }
    const { route } = this.#request
    if (route === 'jwks' && reply.status === 200)
      return { ...reply, headers: [...headers, ['access-control-allow-origin', '*']] }
    if (route === 'refresh' && reply.status === 200) return withAnswer(headers, REFRESHED)
    if (route === 'signout' && reply.status === 204) return this.#signedOut(reply, headers)
    // A refresh gives the client a new CSRF token.
    const lacksToken =
      codeOf(reply) === 'csrf_rejected' && (rejection === undefined || rejection.check === 'token')
    if (lacksToken && this.#around.checksCsrfToken) return withAnswer(headers, MUST_REFRESH)
    const answer = answerTo(reply, route === 'refresh')
    if (answer === null) return { ...reply, headers }
    if (route !== 'refresh' || answer.status !== 401) return withAnswer(headers, answer)
    return withAnswer([...headers, ...this.#forgetting(reply, headers)], answer)
  }

  /**
   * A request without a token that names a session ends none, although its refresh token may: the client refreshes, and signs out
   * again.
   */
  #signedOut(reply: Reply, headers: readonly Header[]): Reply {
    const ofSdk = this.#accessTokens
    const tokens = ofSdk.length > 0 ? ofSdk : (this.beside?.accessTokens ?? [])
    if (tokens.slice(0, MAX_TOKENS).some((token) => this.#around.own.isGenuine(token)))
      return withAnswer(headers, OK)
    const kept = reply.headers.filter(([name]) => name !== 'set-cookie')
    return withAnswer(kept, tokens.length === 0 ? NOT_SIGNED_IN : MUST_REFRESH)
  }

  /** The headers by which a client forgets a session that a refresh has refused, unless it has got new tokens. */
  #forgetting(reply: Reply, headers: readonly Header[]): readonly Header[] {
    if (headers.some(([name]) => name === FRONT_HEADER)) return []
    const { credentials } = this.#request
    const isStray = codeOf(reply) === 'not_signed_in'
    // A client that has no tokens but those cookies would ask with each start.
    const clears = isStray && (credentials.accessCookies.length > 0 || credentials.hasLegacyCookie)
    return clears ? this.cookies.clear().flatMap(this.headersOf) : exposed(FRONT_HEADER, REMOVE)
  }

  readonly headersOf = (text: string): readonly Header[] => {
    const [pair = ''] = text.split(';', 1)
    const at = pair.indexOf('=')
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)]
    const cookie: Header = ['set-cookie', text]
    switch (name) {
      case ACCESS_COOKIE:
        return value === ''
          ? [cookie]
          : [cookie, ...this.#introduced(value), ...this.#antiCsrf(value), ...this.#clearedLegacy()]
      case REFRESH_COOKIE:
        return [...(value === '' ? [] : this.#clearedHeaders()), cookie]
      case ACCESS_HEADER:
        // Whatever ends a session clears this header, also in cookie mode.
        return value === ''
          ? [...exposed(ACCESS_HEADER, ''), ...exposed(FRONT_HEADER, REMOVE), ...this.#clearedLegacy()]
          : [...exposed(ACCESS_HEADER, value), ...this.#introduced(value), ...this.#clearedLegacy()]
      case REFRESH_HEADER:
        return [...(value === '' ? [] : this.#clearedCookies()), ...exposed(REFRESH_HEADER, value)]
      case this.#around.own.cookies.set.access:
        // A page of Pawl's own has signed in. A cookie of the protocol would go on to speak for a session that has ended.
        return [...(value === '' ? [] : this.#clearedCookies()), cookie]
      default:
        return [cookie]
    }
  }

  #introduced(accessToken: string): readonly Header[] {
    return exposed(FRONT_HEADER, frontTokenOf(accessToken))
  }

  #antiCsrf(accessToken: string): readonly Header[] {
    const token = this.#around.own.csrfTokenOf(accessToken)
    return token === null ? [] : exposed(ANTI_CSRF_HEADER, token)
  }

  /** The tokens now travel in cookies alone. */
  #clearedHeaders(): readonly Header[] {
    if (this.#request.credentials.header === null) return []
    return [...exposed(ACCESS_HEADER, ''), ...exposed(REFRESH_HEADER, '')]
  }

  /** The tokens now travel in headers alone. */
  #clearedCookies(): readonly Header[] {
    const { accessCookies, refreshCookies } = this.#request.credentials
    if (accessCookies.length + refreshCookies.length === 0) return []
    return this.#around.writers.clearCookies().map((text) => ['set-cookie', text] as const)
  }

  #clearedLegacy(): readonly Header[] {
    if (!this.#request.credentials.hasLegacyCookie) return []
    const cleared = this.#around.writers.clearLegacy(this.exchange.header('host'))
    return cleared.map((text) => ['set-cookie', text] as const)
  }
}

/** The header goes first: a client that sends one keeps its tokens itself. */
function accessTokensOf({ route, credentials }: Request): readonly string[] {
  const { header, accessCookies, hasLegacyCookie } = credentials
  // At a refresh, the header holds the refresh token.
  if (header !== null) return route === 'refresh' ? [] : [header]
  return accessCookies.length === 0 && hasLegacyCookie && route !== 'refresh' ? [LEGACY_TOKEN] : accessCookies
}

/**
 * The tokens in cookies that a request does not act with. Tokens in headers alone are those of an app or a script, which has nothing
 * to do with the pages of the browser.
 */
function besideOf(
  exchange: Exchange,
  { header, accessCookies }: Credentials,
  own: CookieWriter,
): Beside | null {
  const ownTokens = fewTokens(exchange, own.set.access)
  const accessTokens = header === null ? ownTokens : [...accessCookies, ...ownTokens]
  if (accessTokens.length === 0) return null
  const hasDevice = fewTokens(exchange, own.set.device).length > 0
  const clear = () =>
    ownTokens.length === 0 ? [] : [...own.clear(), ...(hasDevice ? [own.clearDevice()] : [])]
  return { accessTokens, clear }
}

function refreshTokensOf({ route, credentials }: Request): readonly string[] {
  return route === 'refresh' && credentials.header !== null
    ? [credentials.header]
    : credentials.refreshCookies
}

/** A header that pages of other origins may read. */
function exposed(name: string, value: string): readonly Header[] {
  return [
    [name, value],
    ['access-control-expose-headers', name],
  ]
}

function withAnswer(headers: readonly Header[], { status, body, retryAfter }: Answer): Reply {
  const own = new Set(headers.map(([name]) => name))
  const json = jsonReply(status, body, retryAfter === undefined ? [] : [['retry-after', `${retryAfter}`]])
  return { ...json, headers: [...json.headers.filter(([name]) => !own.has(name)), ...headers] }
}
