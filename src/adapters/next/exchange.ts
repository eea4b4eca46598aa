import type { NextRequest } from 'next/server.js'
import { LOOPBACK_ADDRESS } from '../../http/cookies.ts'
import type { Exchange, ResponseHead } from '../../http/exchange.ts'
import type { ResolvedHttpOptions } from '../../http/options.ts'
import { type FetchExchange, fetchExchange } from '../shared/fetch-exchange.ts'

export type ReadHeaders = Pick<Headers, 'get'>

/** Finds the client's address in what a proxy that is trusted has said. */
export type ClientAddress = (headers: ReadHeaders) => string | undefined

interface Surroundings {
  readonly options: ResolvedHttpOptions
  readonly ip: ClientAddress | undefined
}

/**
 * The request's headers without those that Next adds to a request that came without a proxy:
 * `X-Forwarded-For`, `-Host`, `-Port` and `-Proto`, with what it sees itself. Only what says "this machine,
 * plain http, the host that was asked" is taken for that, which is all that a request to localhost needs;
 * any other is left, as it may be a proxy's.
 */
export function asSent({ get }: ReadHeaders): (name: string) => string | undefined {
  const direct =
    get('x-forwarded-proto') === 'http' &&
    get('x-forwarded-host') === get('host') &&
    LOOPBACK_ADDRESS.test(get('x-forwarded-for') ?? '')
  return (name) => (direct && name.startsWith('x-forwarded-') ? undefined : (get(name) ?? undefined))
}

/** The exchange of a route handler or of the proxy. */
export function requestExchange(request: NextRequest, { options, ip }: Surroundings): FetchExchange {
  const headers: ReadHeaders = { get: (name) => request.headers.get(name) }
  const url = new URL(request.url)
  // With `trailingSlash` in its configuration Next sends clients from our routes to these.
  if (url.pathname.startsWith(`${options.path}/`)) url.pathname = url.pathname.replace(/\/$/, '')
  const sent = asSent(headers)
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
  readonly isOver: boolean
  /** Hides the refresh token from what is done before the action itself, and lets it ask for cookies anywhere. */
  admit<T>(work: () => T | Promise<T>): Promise<T>
  /** The `Set-Cookie`s that the request's session wants; asked for once, when the action is over. */
  finish(): string[]
}

export interface ActionHints {
  readonly ip: ClientAddress | undefined
  /** The request's cookies without the refresh token. */
  readonly hideRefresh: (cookies: string | undefined) => string
  /** @throws where cookies cannot be set */
  readonly assertWritable: () => void
}

export function actionExchange(
  given: ReadHeaders,
  { ip, hideRefresh, assertWritable }: ActionHints,
): ActionExchange {
  const headers: ReadHeaders = { get: (name) => given.get(name) }
  const sent = asSent(headers)
  const changes: ((head: ResponseHead) => void)[] = []
  let admitting = 0
  let isOver = false
  return {
    method: 'POST',
    // Next does not tell an action where it was called. It is not one of our routes, which are Route Handlers.
    target: '/',
    header: (name) => (name === 'cookie' && admitting > 0 ? hideRefresh(sent(name)) : sent(name)),
    secure: headers.get('x-forwarded-proto') === 'https',
    ip: ip?.(headers),
    peer: undefined,
    signal: { aborted: false },
    json: async () => null,
    get isOver() {
      return isOver
    },
    async admit(work) {
      admitting++
      try {
        return await work()
      } finally {
        admitting--
      }
    },
    beforeHead(change) {
      if (isOver) throw new TypeError('the action is over: its cookies can no longer be set')
      // Too late for cookies is an error before there is a session nobody holds.
      if (admitting === 0) assertWritable()
      changes.push(change)
    },
    finish() {
      isOver = true
      const setCookies: string[] = []
      const head: ResponseHead = {
        get: () => undefined,
        // Next itself forbids caching the answer to an action.
        set() {},
        append: (_, value) => setCookies.push(value),
      }
      for (const change of changes) change(head)
      return setCookies
    },
  }
}
