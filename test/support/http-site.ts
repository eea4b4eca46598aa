import {
  type FetchInfo,
  type FetchSessions,
  fetchSessions,
  type HttpOptions,
  type RequestSession,
} from '../../src/adapters/fetch/index.ts'
import type { Store } from '../../src/core/store.ts'
import type { ClaimsObject, Sessions, SessionsOptions } from '../../src/index.ts'
import type { FakeClock } from './fake-clock.ts'
import { type CookieJar, createJar, redact } from './http-jar.ts'
import { openWithClock } from './sessions.ts'

export const ORIGIN = 'https://app.example.com'

type AnySession = RequestSession<ClaimsObject, unknown>
export type Handler = (session: AnySession) => Response | Promise<Response>

/** The parts of a response. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** Every `Set-Cookie`, in order, tokens replaced. */
  readonly cookies: readonly string[]
  readonly text: string
  /** The body parsed as JSON. Undefined if it is not JSON. */
  readonly body: unknown
}

export interface VisitOptions {
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly body?: string | ReadableStream<Uint8Array>
  readonly handler?: Handler
  readonly info?: FetchInfo
  readonly signal?: AbortSignal
}

/** A browser or another client of a {@link Site}. */
export interface Visitor {
  readonly jar: CookieJar
  /** Sends a request as a page of the site would. */
  visit(method: string, target: string, options?: VisitOptions): Promise<Answer>
  login(input?: Parameters<AnySession['create']>[0]): Promise<Answer>
  refresh(options?: VisitOptions): Promise<Answer>
  logout(options?: VisitOptions): Promise<Answer>
  /** Requests a route that requires a session. */
  me(options?: VisitOptions): Promise<Answer>
  /** Loads a page with the headers of a browser. */
  navigate(target: string, options?: VisitOptions): Promise<Answer>
}

/** An application that is called directly, without a socket. */
export interface Site {
  readonly sessions: Sessions
  readonly clock: FakeClock
  readonly store: Store
  readonly withSession: FetchSessions<ClaimsObject, unknown>
  /** @param origin the origin in the URLs of the visitor */
  visitor(jar?: CookieJar, origin?: string): Visitor
}

export const me: Handler = ({ userId, generation }) => Response.json({ userId, generation })
const login =
  (input: Parameters<AnySession['create']>[0]): Handler =>
  async (session) =>
    Response.json(await session.create(input))

export async function openSite(
  http: HttpOptions = {},
  options: Partial<SessionsOptions> = {},
): Promise<Site> {
  const { sessions, clock, store } = await openWithClock(options)
  const withSession = fetchSessions(sessions, http)
  const { path = '/session' } = http

  function visitor(jar = createJar(), origin = ORIGIN): Visitor {
    async function visit(method: string, target: string, given: VisitOptions = {}): Promise<Answer> {
      const { handler = me, info = {}, body = null, headers: extra = {}, signal } = given
      const headers = new Headers({ 'sec-fetch-site': 'same-origin' })
      const cookie = jar.header(target.replace(/[?#].*$/, ''))
      if (cookie !== undefined) headers.set('cookie', cookie)
      for (const [name, value] of Object.entries(extra)) {
        if (value === undefined) headers.delete(name)
        else headers.set(name, value)
      }
      const request = new Request(origin + target, { method, headers, body, ...(signal && { signal }) })
      const answer = await takeApart(await withSession(request, handler, info))
      jar.store(answer.raw)
      return answer
    }
    return asVisitor(jar, visit, path)
  }

  return { sessions, clock, store, withSession, visitor }
}

/** The requests of a visitor, each by `visit`. @param path the option `path` */
export function asVisitor(jar: CookieJar, visit: Visitor['visit'], path = '/session'): Visitor {
  return {
    jar,
    visit,
    login: (input = { userId: 'anna' }) => visit('POST', '/login', { handler: login(input) }),
    refresh: (given) => visit('POST', `${path}/refresh`, given),
    logout: (given) => visit('POST', `${path}/logout`, given),
    me: (given) => visit('GET', '/me', { info: { required: true }, ...given }),
    navigate: (target, given) =>
      visit('GET', target, {
        info: { required: true },
        ...given,
        headers: { ...NAVIGATION, ...given?.headers },
      }),
  }
}

/** The headers that browsers send when the user opens a page. */
export const NAVIGATION = {
  'sec-fetch-site': 'none',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  accept: 'text/html,*/*;q=0.8',
} as const

/**
 * The same behind a service worker that answers with `fetch(event.request)`, as Chromium 156, WebKitGTK 2.50 and Firefox
 * ESR 153 send it. Chromium sends the second form too if the worker gives `fetch` options.
 */
export const THROUGH_WORKER = {
  'Chromium and WebKit': {
    'sec-fetch-site': 'same-origin',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'empty',
    'upgrade-insecure-requests': '1',
    accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  },
  Firefox: {
    'sec-fetch-site': 'same-origin',
    'sec-fetch-mode': 'same-origin',
    'sec-fetch-dest': 'empty',
    'upgrade-insecure-requests': '1',
    accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  },
} as const

async function takeApart(response: Response): Promise<Answer & { raw: readonly string[] }> {
  const text = await response.text()
  const raw = response.headers.getSetCookie()
  return {
    status: response.status,
    headers: response.headers,
    raw,
    cookies: raw.map(redact),
    text,
    body: jsonOf(text),
  }
}

/** The code in the page that a refused page load gets. */
export function codeInPage({ text }: Pick<Answer, 'text'>): string | undefined {
  return /<small>(\w+)<\/small>/.exec(text)?.[1]
}

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
