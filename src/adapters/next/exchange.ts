import type { NextRequest } from 'next/server.js'
import type { Exchange, ResponseHead } from '../../http/exchange.ts'
import type { ResolvedHttpOptions } from '../../http/options/resolve.ts'
import { isLoopbackAddress } from '../../portable/loopback.ts'
import { assertFramework } from '../shared/assert-framework.ts'
import { type FetchExchange, fetchExchange } from '../shared/fetch-exchange.ts'
import { NEXT_VERSIONS } from './sent-headers.ts'

export type ReadHeaders = Pick<Headers, 'get'>

/** Finds the client's address in the headers of a trusted proxy. */
export type ClientAddress = (headers: ReadHeaders) => string | undefined

interface Surroundings {
  readonly options: ResolvedHttpOptions
  readonly ip: ClientAddress | undefined
}

/**
 * The headers as the client sent them. To a request without a proxy, Next adds `X-Forwarded-For`, `-Host`, `-Port` and
 * `-Proto` with its own values. They are removed if they say "this machine, plain http, the requested host". Any other
 * values may be a proxy's, and stay.
 */
export function clientHeaders({ get }: ReadHeaders): (name: string) => string | undefined {
  const isDirect =
    get('x-forwarded-proto') === 'http' &&
    get('x-forwarded-host') === get('host') &&
    isLoopbackAddress(get('x-forwarded-for') ?? '')
  return (name) => (isDirect && name.startsWith('x-forwarded-') ? undefined : (get(name) ?? undefined))
}

/** The exchange of a route handler or of the proxy. */
export function requestExchange(request: NextRequest, { options, ip }: Surroundings): FetchExchange {
  // A request of the Pages Router is one of Node.js.
  assertFramework(typeof request?.headers?.get === 'function', 'nextSessions', NEXT_VERSIONS)
  const headers: ReadHeaders = { get: (name) => request.headers.get(name) }
  const url = new URL(request.url)
  // With `trailingSlash` configured, Next redirects clients from Pawl's routes to paths with a slash.
  if (url.pathname.startsWith(`${options.path}/`)) url.pathname = url.pathname.replace(/\/$/, '')
  const sent = clientHeaders(headers)
  return fetchExchange(
    {
      method: request.method,
      url: url.href,
      headers: { get: (name) => sent(name) ?? null },
      get body() {
        return request.body
      },
      get signal() {
        return request.signal
      },
    },
    { ip: ip?.(headers) },
  )
}

/** The exchange of a Server Action. */
export interface ActionExchange extends Exchange {
  readonly isFinished: boolean
  /** Runs Pawl's own work before the action: without the refresh cookie, and even if Next allows no cookies here. */
  withoutRefreshToken<T>(work: () => T | Promise<T>): Promise<T>
  /** The `Set-Cookie` headers of the request's session. Called once, after the action. */
  finish(): string[]
}

export interface ActionHints {
  readonly ip: ClientAddress | undefined
  /** The request's cookies without the refresh token. */
  readonly hideRefresh: (cookies: string | undefined) => string
  /** @throws if Next allows no cookies here */
  readonly assertWritable: () => void
}

export function actionExchange(
  given: ReadHeaders,
  { ip, hideRefresh, assertWritable }: ActionHints,
): ActionExchange {
  const headers: ReadHeaders = { get: (name) => given.get(name) }
  const sent = clientHeaders(headers)
  const changes: ((head: ResponseHead) => void)[] = []
  let hiding = 0
  let isFinished = false
  return {
    method: 'POST',
    // Next does not tell an action its URL. It cannot be one of Pawl's routes, which are Route Handlers.
    target: '/',
    header: (name) => (name === 'cookie' && hiding > 0 ? hideRefresh(sent(name)) : sent(name)),
    secure: headers.get('x-forwarded-proto') === 'https',
    ip: ip?.(headers),
    peer: undefined,
    signal: { aborted: false },
    takesOnlyCookies: true,
    json: async () => null,
    get isFinished() {
      return isFinished
    },
    async withoutRefreshToken(work) {
      hiding++
      try {
        return await work()
      } finally {
        hiding--
      }
    },
    beforeHead(change) {
      if (isFinished) throw new TypeError('the action is over: its cookies can no longer be set')
      // If cookies cannot be set, nothing is created: nobody could hold the session.
      if (hiding === 0) assertWritable()
      changes.push(change)
    },
    finish() {
      isFinished = true
      const setCookies: string[] = []
      const head: ResponseHead = {
        get: () => undefined,
        append: (_, value) => setCookies.push(value),
        // Next itself forbids caching the answer to an action.
        set() {},
        names: () => [],
        remove() {},
      }
      for (const change of changes) change(head)
      return setCookies
    },
  }
}
