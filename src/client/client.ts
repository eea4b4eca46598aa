import {
  type BearerAnswer,
  type CookieAnswer,
  CSRF_HEADER,
  type ProblemBody,
  TRANSPORT_HEADER,
} from '../wire/names.ts'
import { createExclusive } from './exclusive.ts'
import type { RequestHooks, Ticket } from './hooks.ts'
import type { SessionClientOptions } from './options.ts'
import { type SessionState, SIGNED_OUT, UNKNOWN } from './state.ts'
import type { Tokens } from './tokens.ts'

/** A body that can be sent only once goes out with an access token that is good for this long, in ms. */
const STREAM_MARGIN = 10_000

/** What a login answers. Cookie mode needs nothing of it, and makes good use of `expiresIn` and `csrfToken`. */
export type SignInAnswer = Partial<CookieAnswer> | BearerAnswer

/** Keeps one session of one API alive. See {@link createSessionClient}. */
export interface SessionClient<User = unknown> {
  /** What is known now. The same object until it changes. */
  readonly session: SessionState<User>
  /**
   * As the global `fetch`, for any URL. Requests to the API are sent with the session, and repeated at most once,
   * after a refresh. When that refresh gets no answer the request fails like any other without a network, and
   * with an answer like 503 it gets that answer: neither says anything about the session.
   */
  readonly fetch: typeof fetch
  /** Finds out whether somebody is signed in: asks the `user` option, or else refreshes. */
  check(): Promise<SessionState<User>>
  /**
   * Runs the application's login while no refresh is under way, so that a late answer for the old session
   * cannot hit the new one, and tells the other tabs.
   * @param login sends the login and returns the body that `session.create` gave the server; null when it was refused
   * @returns whether somebody is signed in now
   */
  signIn(login: () => Promise<SignInAnswer | null> | SignInAnswer | null): Promise<boolean>
  /**
   * Ends the session at the server and tells the other tabs.
   * @throws Error when the server did not confirm it: the user is still signed in
   */
  signOut(): Promise<void>
  /** Calls back after each change of {@link SessionClient.session}. @returns its undo */
  onChange(listener: (session: SessionState<User>) => void): () => void
  /** For other HTTP libraries. */
  readonly hooks: RequestHooks
  /** Removes every listener. Requests still work. */
  close(): void
}

/** What tabs tell each other. No token is ever in it. */
type News = readonly [what: 'login' | 'refresh' | 'logout', answer: Partial<CookieAnswer>]

/** A ticket with what only the client itself has to know. */
interface OwnTicket extends Ticket {
  /** The value of `epoch` when the request went out. */
  readonly epoch: number
  /** Whether this is the second time. */
  readonly again: boolean
}

/**
 * A session of one API, in a browser, a native app or another server. Nothing global is touched by importing
 * this; while rendering on a server, creating one is harmless too.
 *
 * @example
 * export const client = createSessionClient({
 *   user: async (fetch) => {
 *     const response = await fetch('/me')
 *     const body = await response.json()
 *     if (response.status === 401 && body.refresh === false) return null
 *     if (!response.ok) throw new Error(`/me answered ${response.status}`)
 *     return body as { name: string }
 *   },
 * })
 * const notes = await client.fetch('/notes')
 */
export function createSessionClient<User = unknown>(
  options: SessionClientOptions<User> = {},
): SessionClient<User> {
  const { path = '/session', overlap = 30, csrf, tokens, user } = options
  // As it is now: `attachFetch` is going to replace it.
  const send = options.fetch ?? globalThis.fetch
  const lostAfter = (overlap || 30) * 500
  const credentials = tokens ? 'omit' : 'include'
  const jsonHeaders = tokens ? BEARER : {}
  // biome-ignore lint/suspicious/noConsole: nobody listens, and it would go unnoticed otherwise
  const report = options.onProblem ?? ((...problem) => console.warn('pawl', ...problem))
  const listeners = new Set<(session: SessionState<User>) => void>()

  let session: SessionState<User> = UNKNOWN
  /** How often anybody has refreshed or signed in or out, as far as this client knows. */
  let epoch = 0
  let refreshing: Promise<boolean> | undefined
  let asking: Promise<void> | undefined
  let signingIn: Promise<boolean> | undefined
  /** By {@link now}; undefined: nobody knows. */
  let expiresAt: number | undefined
  let csrfToken = typeof csrf === 'string' ? csrf : undefined
  /** Undefined: not loaded yet. */
  let held: Tokens | null | undefined
  /** Cookies came with the last answer, and no other request has shown yet that they were kept. Not for ever. */
  let doubtUntil = 0
  let doubtSignIn = false
  let reported = false

  let base: string | undefined
  // Not at once: a module that is rendered on a server may create a client there and never use it.
  const root = (): string =>
    (base ??= new Request(options.baseUrl ?? location.origin).url.replace(/\/+$/, ''))
  const route = (name: string): string => `${root()}${path}/${name}`
  // A page or a worker: Node.js has a BroadcastChannel as well, but clients of many users share a process there.
  let tabs =
    !tokens && globalThis.location && globalThis.BroadcastChannel
      ? new BroadcastChannel(`pawl:${route('')}`)
      : undefined
  const exclusive = createExclusive(tabs?.name)
  // Elapsed time: the wall clock may be set while we run.
  const now = (): number => (globalThis.performance ?? Date).now()

  function set(next: SessionState<User>): void {
    if (next.status === session.status && next.user === session.user) return
    session = next
    // Not from here: an error of theirs is no reason for a request to fail.
    for (const listener of listeners) void Promise.resolve(session).then(listener)
  }

  /** Who is signed in? @param known that somebody is */
  function ask(known: boolean): Promise<void> {
    if (asking) return asking
    const turn = Promise.resolve().then(async () => {
      let next: SessionState<User> = known ? { status: 'signed-in', user: null } : session
      try {
        const found = await user?.(client.fetch)
        if (user) next = found == null ? SIGNED_OUT : { status: 'signed-in', user: found }
      } catch (cause) {
        // Not from here: what it may throw must not end this.
        queueMicrotask(() => report('user-failed', cause))
      }
      // Meanwhile somebody else may have signed in, or out.
      if (asking !== turn) return
      asking = undefined
      set(next)
    })
    asking = turn
    return turn
  }

  function signedIn(anew: boolean): Promise<void> | undefined {
    if (anew) asking = undefined
    else if (session.status === 'signed-in') return
    return ask(true)
  }

  function signedOut(): void {
    asking = expiresAt = csrfToken = undefined
    set(SIGNED_OUT)
  }

  async function end(): Promise<void> {
    held = null
    signedOut()
    await tokens?.clear()
  }

  /** Takes over what a sign-in or refresh brought. @param since when it was asked for: it cannot be older */
  async function keep(answer: SignInAnswer, since: number): Promise<void> {
    if (tokens) {
      const { accessToken, refreshToken } = answer as BearerAnswer
      const next = { accessToken, refreshToken: refreshToken ?? held?.refreshToken ?? '' }
      // First of all: using the new access token makes the old refresh token worthless.
      await tokens.save(next)
      held = next
    } else {
      csrfToken = (answer as CookieAnswer).csrfToken
      doubtUntil = now() + lostAfter
      doubtSignIn = !!signingIn
    }
    const { expiresIn } = answer
    expiresAt = expiresIn === undefined ? expiresIn : since + expiresIn * 1000
    epoch++
  }

  function tell(what: News[0], { expiresIn, csrfToken }: Partial<CookieAnswer> = {}): void {
    tabs?.postMessage([what, { expiresIn, csrfToken }])
  }

  function hear({ data }: MessageEvent<Partial<News> | null>): void {
    const [what, answer = {}] = data ?? []
    if (what === 'logout') {
      epoch++
      signedOut()
      return
    }
    void keep(answer, now())
    // Whether it was kept is for the other tab to find out.
    doubtUntil = 0
    // A refresh that a sign-out has overtaken signs nobody in.
    if (what === 'login' || session.status === 'unknown') void signedIn(what === 'login')
  }

  /** @returns whether there is a session. @throws when that cannot be said now */
  function refresh(): Promise<boolean> {
    const since = epoch
    refreshing ??= exclusive(() =>
      // While this one waited, another tab may have refreshed, or somebody signed in or out.
      epoch === since ? renew(since) : session.status !== 'signed-out',
    ).finally(() => {
      refreshing = undefined
    })
    return refreshing
  }

  async function renew(since: number, last?: boolean): Promise<boolean> {
    let body: string | null = null
    if (tokens) {
      const before = held
      held = await tokens.load()
      if (!held) {
        signedOut()
        return false
      }
      if (before && before.accessToken !== held.accessToken) {
        // Another client of the same storage was faster.
        epoch++
        return true
      }
      body = JSON.stringify({ refreshToken: held.refreshToken })
    }
    const sentAt = now()
    const lost = new AbortController()
    const timer = setTimeout(() => lost.abort(), lostAfter)
    let response: Response | undefined
    let answer: unknown
    try {
      response = await send(route('refresh'), {
        method: 'POST',
        headers: jsonHeaders,
        credentials,
        body,
        signal: lost.signal,
      })
      answer = await bodyOf(response)
    } catch (cause) {
      throw failure(undefined, cause)
    } finally {
      clearTimeout(timer)
    }
    if (response.status === 401 && isProblem(answer)) {
      if (epoch !== since) return true
      // The answers of an old session and a new login may be crossing: look again, once.
      if (answer.refresh === 'once' && !last) return renew(since, true)
      await end()
      return false
    }
    if (!response.ok) throw failure(response)
    // A captive portal answers 200 as well.
    if (!isAnswer(answer)) throw failure()
    await keep(answer, sentAt)
    tell('refresh', answer as CookieAnswer)
    void signedIn(false)
    return true
  }

  const covers = (url: string): boolean => url.startsWith(`${root()}/`)

  async function before(method: string, repeats?: OwnTicket, stream?: boolean): Promise<OwnTicket> {
    const needsCsrf = csrf && !isSafe(method)
    if (
      !repeats &&
      !signingIn &&
      session.status !== 'signed-out' &&
      (refreshing ||
        (needsCsrf && !csrfToken) ||
        (expiresAt === undefined ? stream : now() >= expiresAt - (stream ? STREAM_MARGIN : 0)))
    ) {
      try {
        await refresh()
      } catch (error) {
        // Anything else is sent all the same: perhaps it needs no session.
        if (stream) throw error
      }
    }
    const headers: Record<string, string> = {}
    if (tokens) {
      if (held === undefined) {
        const found = await tokens.load()
        // Somebody may have signed in meanwhile.
        if (held === undefined) held = found
      }
      Object.assign(headers, held ? { authorization: `Bearer ${held.accessToken}` } : {}, TRANSPORT)
    } else if (needsCsrf && csrfToken) headers[CSRF_HEADER] = csrfToken
    return { headers, withCredentials: !tokens, epoch, again: !!repeats }
  }

  async function after(ticket: OwnTicket, status: number, body: unknown): Promise<boolean> {
    if (status !== 401 && !(csrf && status === 403)) {
      doubtUntil = 0
      return false
    }
    const problem = await bodyOf(body)
    if (!isProblem(problem)) return false
    // Something happened since the request went out: what the answer says may no longer be true.
    const stale = ticket.epoch !== epoch
    const forbidden = status === 403
    if (forbidden && problem.code !== 'csrf_rejected') return false
    const doubted =
      now() < doubtUntil &&
      (problem.code === 'not_signed_in' ||
        // A repetition comes right after the refresh. Anything later may have expired by itself, by new claims say.
        (!!problem.refresh && !forbidden && !doubtSignIn && (ticket.again || reported)))
    if (doubted && !stale && !reported) {
      reported = true
      report('cookies-blocked')
    }
    if (!forbidden && !problem.refresh) {
      if (!stale && !signingIn) await end()
      return false
    }
    if (ticket.again) return false
    if (stale) {
      await signingIn?.catch(() => {})
      return session.status !== 'signed-out'
    }
    if (signingIn || doubted) return false
    csrfToken = undefined
    return refresh()
  }

  async function request(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    if (options.baseUrl && typeof input === 'string' && /^\/(?!\/)/.test(input)) input = root() + input
    // Sent without the session on purpose, it says nothing about it.
    if (!covers(urlOf(input)) || (!tokens && init?.credentials === 'omit')) return send(input, init)
    const stream = isStream(init?.body)
    const first = new Request(input, { ...init, credentials: init?.credentials ?? credentials })
    const second = stream ? undefined : first.clone()

    async function attempt(request: Request, repeats?: OwnTicket): Promise<Response> {
      // The answer to a HEAD has no body that would say what is wrong.
      const ticket = await before(request.method, repeats, stream || request.method === 'HEAD')
      for (const name in ticket.headers) request.headers.set(name, ticket.headers[name]!)
      const response = await send(request)
      // A redirect may have led elsewhere.
      if (!covers(response.url || request.url)) return response
      if (!(await after(ticket, response.status, response)) || !second) return response
      // Whatever answered with a redirect has done its work; it is the page it led to that was refused.
      if (response.redirected && !isSafe(request.method)) return response
      response.body?.cancel().catch(() => {})
      return attempt(second, ticket)
    }

    const { signal } = first
    let giveUp: (() => void) | undefined
    try {
      // A caller that gives up does not wait for a refresh, which goes on for the others.
      return await Promise.race([
        attempt(first),
        new Promise<never>((_, reject) => {
          giveUp = () => reject(signal.reason)
          signal?.addEventListener('abort', giveUp)
        }),
      ])
    } catch (error) {
      const response = (error as { response?: Response } | null)?.response
      if (response) return response.clone()
      throw error
    } finally {
      // A signal may live as long as the page.
      signal?.removeEventListener('abort', giveUp!)
    }
  }

  async function signIn(login: () => Promise<SignInAnswer | null> | SignInAnswer | null): Promise<boolean> {
    // Gets the CSRF token of the session before, which the login has to send.
    if (csrf) await before('POST')
    const done = exclusive(async () => {
      signingIn = done
      epoch++
      const sentAt = now()
      try {
        const answer = await login()
        if (!answer) return false
        await keep(answer, sentAt)
        tell('login', answer as CookieAnswer)
      } finally {
        signingIn = undefined
      }
      reported = false
      return true
    })
    if (!(await done)) return false
    await signedIn(true)
    return session.status === 'signed-in'
  }

  async function signOut(): Promise<void> {
    let ticket: OwnTicket | undefined
    for (;;) {
      const next = await before('POST', ticket)
      const response = await exclusive(() =>
        send(route('logout'), {
          method: 'POST',
          headers: { ...next.headers, ...jsonHeaders },
          credentials,
          body: tokens ? JSON.stringify(held ?? {}) : null,
        }),
      )
      if (response.ok) break
      if (!(await after(next, response.status, response))) throw failure(response)
      ticket = next
    }
    epoch++
    tell('logout')
    await end()
  }

  async function check(): Promise<SessionState<User>> {
    await (user ? ask(false) : refresh())
    await asking
    return session
  }

  function pageShown({ persisted }: PageTransitionEvent): void {
    if (!persisted) return
    // It was frozen, and has heard nothing in the meantime.
    asking = expiresAt = undefined
    set(UNKNOWN)
    check().catch(() => {})
  }

  if (tabs) {
    tabs.onmessage = hear
    globalThis.addEventListener('pageshow', pageShown)
  }

  const client: SessionClient<User> = {
    get session() {
      return session
    },
    fetch: request,
    check,
    signIn,
    signOut,
    onChange(listener) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    hooks: { covers, before, after },
    close() {
      if (tabs) globalThis.removeEventListener('pageshow', pageShown)
      tabs?.close()
      tabs = undefined
      listeners.clear()
    },
  }
  return client
}

const TRANSPORT = { [TRANSPORT_HEADER]: 'bearer' }
const BEARER = { ...TRANSPORT, 'content-type': 'application/json' }

/** Looks to the caller like a failed `fetch`; `response`: what came instead of the answer. */
function failure(response?: Response, cause?: unknown): Error {
  return Object.assign(new TypeError('session request failed', { cause }), { response })
}

/** Decides whose answer it is: a 401 of the application's own says nothing of a session. */
function isProblem(body: unknown): body is ProblemBody {
  return !!(body as ProblemBody | undefined)?.code && (body as ProblemBody).refresh !== undefined
}

function isAnswer(body: unknown): body is SignInAnswer {
  return ((body as CookieAnswer | undefined)?.expiresIn ?? -1) >= 0
}

/** The JSON of a body, whatever form it is in; undefined for anything else. A response stays readable. */
async function bodyOf(body: unknown): Promise<unknown> {
  try {
    if (!(body instanceof Response))
      return isProblem(body) ? body : await new Response(body as BodyInit).json()
    // Anything else may be large, or without end.
    if (/json/.test(body.headers.get('content-type')!)) return await body.clone().json()
  } catch {}
  return undefined
}

/** Something that is gone once it was sent: a stream, or what Node.js takes for one. */
function isStream(body: unknown): boolean {
  const object = Object(body)
  return 'getReader' in object || Symbol.asyncIterator in object
}

/** Repeating such a request does nothing twice. */
export function isSafe(method: string): boolean {
  return /^(get|head|options)$/i.test(method)
}

/** The absolute URL of what `fetch` takes; empty for what it does not take, such as a URL with a password. */
export function urlOf(input: RequestInfo | URL): string {
  try {
    return (input as Partial<Request>).url ?? new Request(input).url
  } catch {
    return ''
  }
}
