import type { Sessions } from '../core/api.ts'
import { parseDeviceRecord } from '../core/device/device-record.ts'
import { VOUCHES_FOR } from '../core/device/vouching.ts'
import { ENGINE, type Engine, type NamedSession } from '../core/engine.ts'
import type { RequestContext, RequestProof } from '../core/request-context.ts'
import {
  type CheckedTokens,
  claimedToken,
  encodeSessionId,
  sessionIdsIn,
} from '../core/tokens/access-token.ts'
import {
  isOfUnknownSecret,
  type ParsedRefreshToken,
  parseRefreshToken,
} from '../core/tokens/refresh-token.ts'
import { accessTokensOf, cookieTokens, isHostOnly, type Transport, transportOf } from '../wire/credentials.ts'
import { PROOF_HEADER } from '../wire/names.ts'
import { type CookieWriter, SIGNED_OUT } from './cookies.ts'
import type { Exchange } from './exchange.ts'
import type { ResolvedHttpOptions } from './options/resolve.ts'
import { hasHeadersOfPageLoad } from './page-load.ts'
import type { Beside, Conversation } from './protocol.ts'

/** A request that has waited less has not waited for a start of the sessions. Milliseconds. */
const SHORT_WAIT = 50

const MAX_DEVICE_COOKIES = 4

/** A request, with everything that Pawl derives from its head. */
export class IncomingRequest<Claims extends object, Data> implements RequestContext {
  readonly sessions: Sessions<Claims, Data>
  readonly engine: Engine
  readonly options: ResolvedHttpOptions
  readonly exchange: Exchange
  readonly cookies: CookieWriter
  /** In another protocol than Pawl's own. Then `exchange` and `cookies` are those of the conversation. */
  readonly conversation: Conversation | null
  readonly path: string
  readonly isHandshake: boolean
  readonly transport: Transport
  /** Milliseconds. */
  readonly arrivedAt: number
  /** Whether the request comes from one of `trustedOrigins`. Set before the request is handled. */
  isFromTrustedOrigin = false
  #parsedRefreshTokens: Map<string, ParsedRefreshToken> | null = null
  #accessTokens: string[] | null = null
  /** Each signature is checked once. */
  readonly checkedTokens: CheckedTokens = new Map()

  constructor(
    sessions: Sessions<Claims, Data>,
    options: ResolvedHttpOptions,
    exchange: Exchange,
    cookies: CookieWriter,
    waited = 0,
    conversation: Conversation | null = null,
  ) {
    this.sessions = sessions
    this.engine = sessions[ENGINE]
    this.options = options
    this.exchange = exchange
    this.cookies = cookies
    this.conversation = conversation
    this.path = pathOf(exchange.target)
    this.isHandshake = isHandshake(exchange)
    this.transport = transportOf(exchange)
    this.arrivedAt = this.engine.clock.now() - (waited < SHORT_WAIT ? 0 : Math.round(waited))
  }

  // Behind proxies some frameworks take long to find the address, so it is read only when needed.
  get ip(): string | undefined {
    return this.exchange.ip
  }

  /** Whether the request has cookies or may get some, which browsers send by themselves. */
  get usesCookies(): boolean {
    return this.conversation?.usesCookies ?? this.transport === 'cookie'
  }

  /** Writes the cookies of a login. */
  get loginCookies(): CookieWriter {
    return this.conversation?.loginCookies ?? this.cookies
  }

  get userAgent(): string | undefined {
    return this.exchange.header('user-agent')
  }

  /** The proof of a key in the header of the request (RFC 9449). */
  get proof(): RequestProof | undefined {
    const { exchange, path } = this
    const value = exchange.header(PROOF_HEADER)
    const host = exchange.header('host') ?? ''
    return value === undefined ? undefined : { value, method: exchange.method, url: `https://${host}${path}` }
  }

  get isSafeMethod(): boolean {
    const { method } = this.exchange
    return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
  }

  /** Whether the browser says that a script of this application sent the request. No page can change these headers. */
  get isFromScript(): boolean {
    const { exchange } = this
    const mode = exchange.header('sec-fetch-mode') ?? 'cors'
    const destination = exchange.header('sec-fetch-dest') ?? 'empty'
    const isOwn = exchange.header('sec-fetch-site') === 'same-origin'
    return (
      (isOwn || this.isFromTrustedOrigin) &&
      destination === 'empty' &&
      (mode === 'cors' || mode === 'same-origin') &&
      !hasHeadersOfPageLoad(exchange)
    )
  }

  /**
   * Whether a service worker may have passed on a page load or a form as a request of its own. Browsers then say that it comes
   * from this origin, even if a page of another site has started it.
   */
  get mayBePassedOn(): boolean {
    const { exchange } = this
    const mode = exchange.header('sec-fetch-mode')
    if (mode === undefined || exchange.header('sec-fetch-dest') !== 'empty') return false
    return mode === 'navigate' || hasHeadersOfPageLoad(exchange)
  }

  /** The access tokens of the request that Pawl looks at. Only doubled cookies make more than one. */
  get accessTokens(): string[] {
    const { exchange, transport, cookies } = this
    let refreshed: string[] | null = null
    this.#accessTokens ??= accessTokensOf(exchange, transport, cookies.set.access, (token) => {
      refreshed ??= this.refreshTokens.flatMap((parsed) =>
        parsed.token === null ? [] : encodeSessionId(parsed.token.sessionId),
      )
      return this.#evidenceFor(token, refreshed)
    })
    return this.#accessTokens
  }

  /** The refresh tokens in the request's cookies. */
  get refreshCookies(): string[] {
    return this.transport === 'bearer'
      ? []
      : cookieTokens(this.exchange.header('cookie'), this.cookies.set.refresh)
  }

  /** The values of the device cookie: a few, because nobody else can set it. */
  get deviceCookies(): string[] {
    return this.transport === 'bearer'
      ? []
      : cookieTokens(this.exchange.header('cookie'), this.cookies.set.device).slice(0, MAX_DEVICE_COOKIES)
  }

  /** The sessions whose device has proved itself within the last ten minutes, by the device cookie. */
  get vouchedSessionIds(): string[] {
    const { clock, options } = this.engine
    return this.deviceCookies.flatMap((value) => {
      const record = parseDeviceRecord(options.secrets, value, 'vouch')
      return record !== null && clock.now() - record.at <= VOUCHES_FOR ? record.sessionId : []
    })
  }

  /** The bound sessions of genuine access tokens that the request has no proof for. */
  get unprovenSessionIds(): string[] {
    if (this.proof !== undefined) return []
    const vouched = this.vouchedSessionIds
    return this.identifiedSessions
      .filter(
        ({ sessionId, device, actor }) => device !== null && actor === null && !vouched.includes(sessionId),
      )
      .map(({ sessionId }) => sessionId)
  }

  /** Whether the browser has just signed out, by the device cookie. */
  get hasSignedOut(): boolean {
    return this.deviceCookies.includes(SIGNED_OUT)
  }

  /** Removes all cookies of the session. */
  get clearedCookies(): string[] {
    // In place of the device cookie, so that the browser asks once more, and learns that it can forget its key.
    const device = this.deviceCookies.length > 0 ? [this.cookies.signedOut(this.engine.clock.now())] : []
    return [...this.cookies.clear(), ...device]
  }

  /** {@link Beside}, without what a client in bearer mode says nothing about. */
  get #beside(): Beside | null {
    const { conversation, exchange, options, cookies, transport } = this
    if (conversation !== null) return conversation.beside
    return transport === 'bearer' ? null : (options.protocol?.beside(exchange, cookies) ?? null)
  }

  /** The sessions of tokens of another protocol, as {@link namedSessionIds}. */
  get besideSessionIds(): string[] {
    const tokens = this.#beside?.accessTokens ?? []
    return tokens
      .flatMap((token) => this.engine.identify(token, this.checkedTokens) ?? [])
      .flatMap(sessionIdsIn)
  }

  /** Removes the tokens of another protocol, if there are any. */
  get clearedBeside(): readonly string[] {
    return this.#beside?.clear() ?? []
  }

  /** Removes the device cookie, if there is one. */
  get clearedDevice(): string[] {
    return this.deviceCookies.length > 0 ? [this.cookies.clearDevice()] : []
  }

  /** {@link refreshCookies}, each parsed once. */
  get refreshTokens(): ParsedRefreshToken[] {
    this.#parsedRefreshTokens ??= new Map()
    return this.refreshCookies.map((value) =>
      once(this.#parsedRefreshTokens!, value, () => parseRefreshToken(this.engine.options.secrets, value)),
    )
  }

  /**
   * The sessions that genuine tokens of the request name, however old the tokens are. First comes the one that the request
   * would act with.
   */
  get namedSessionIds(): string[] {
    const preferred = this.preferredSessionIds
    const refreshed = this.refreshTokens.flatMap(({ token }) => token?.sessionId ?? [])
    const chosen = refreshed.filter((sessionId) => preferred.includes(sessionId))
    return [...new Set([...this.identifiedSessions.flatMap(sessionIdsIn), ...chosen, ...refreshed])]
  }

  /**
   * Whether the request names no session that this process can end, but has a token that may be genuine: of a secret or a
   * release that this process does not have. Clearing its cookies would leave a session that nobody can end.
   */
  get namesUnknownSession(): boolean {
    const { ring } = this.engine
    return (
      this.namedSessionIds.length === 0 &&
      (this.refreshTokens.some(isOfUnknownSecret) ||
        this.accessTokens.some((token) => ring.isUnusable(token.split('.', 1)[0]!)))
    )
  }

  /**
   * The sessions to prefer among those of genuine refresh tokens. A genuine access token names them. If there is none,
   * any text in a cookie that only this host can set does.
   */
  get preferredSessions(): NamedSession[] {
    const genuine = this.identifiedSessions
    if (genuine.length > 0 || this.transport !== 'cookie' || !isHostOnly(this.cookies.set.access))
      return genuine
    return this.accessTokens.flatMap((token) => claimedToken(token) ?? [])
  }

  /** {@link preferredSessions}, each followed by that of the administrator who acts in it. */
  get preferredSessionIds(): string[] {
    return this.preferredSessions.flatMap(sessionIdsIn)
  }

  /** The sessions that genuine access tokens are of. */
  get identifiedSessions(): NamedSession[] {
    return this.accessTokens.flatMap((token) => this.engine.identify(token, this.checkedTokens) ?? [])
  }

  /** What speaks for an access token before its signature is checked. @param refreshed ids in genuine refresh tokens */
  #evidenceFor(token: string, refreshed: readonly string[]): number {
    const { ring, isCached } = this.engine
    if (isCached(token)) return 3
    const end = token.indexOf('.')
    if (ring.identify(token.slice(0, end)) === undefined) return 0
    if (refreshed.length === 0) return 1
    const text = Buffer.from(token.slice(end + 1, token.lastIndexOf('.')), 'base64url').toString('latin1')
    return refreshed.some((sid) => text.includes(sid)) ? 2 : 1
  }
}

/** Whether a request asks for a WebSocket. */
export function isHandshake(exchange: Pick<Exchange, 'header'>): boolean {
  return exchange.header('upgrade')?.toLowerCase() === 'websocket'
}

/** The path of a request's target, without query and fragment. */
export function pathOf(target: string): string {
  const end = target.search(/[?#]/)
  return end === -1 ? target : target.slice(0, end)
}

/** The headers are read each time, since an adapter may hide a cookie for a while; the parsing is not repeated. */
function once<T>(results: Map<string, T>, value: string, parse: () => T): T {
  if (!results.has(value)) results.set(value, parse())
  return results.get(value)!
}
