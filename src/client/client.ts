import type { ClientState } from './client-state.ts'
import { fetchWithSession } from './fetch.ts'
import { after, before, type RequestHooks } from './hooks.ts'
import type { SessionClientOptions } from './options.ts'
import { sendOwn } from './own-requests.ts'
import { refresh } from './refresh.ts'
import { identifyUser, setSession } from './session.ts'
import { type SessionState, UNKNOWN } from './session-state.ts'
import { type Login, signIn } from './sign-in.ts'
import { signOut } from './sign-out.ts'
import { onTabMessage } from './tabs.ts'
import { createTaskQueue } from './task-queue.ts'

/** The client of one session of one API. {@link createSessionClient} makes it. */
export interface SessionClient<User = unknown> {
  /** The session as far as the client knows. It is the same object until it changes. */
  readonly session: SessionState<User>
  /**
   * Sends a request as the global `fetch` does, to any URL. A request to the API carries the session. If its access token
   * has expired, the client refreshes and repeats the request once.
   *
   * If the refresh gets no response, the request fails with a `TypeError`. If the server answers the refresh with an
   * error such as 503, the request gets that response. Neither changes the session.
   */
  readonly fetch: typeof fetch
  /**
   * Finds out whether somebody is signed in. It calls the option `user`, or refreshes if there is none. It never rejects:
   * without a network the session stays unchanged.
   * @returns the session as far as the client knows
   */
  check(): Promise<SessionState<User>>
  /**
   * Runs the application's login while no refresh is under way, then notifies the other browser tabs. A late response for
   * the old session cannot replace the new one.
   * @param login sends the login and returns the body that `session.create` gave the server; null if the server refused it
   * @returns whether somebody is signed in. Without the option `user` the client relies on the server: if the browser keeps
   * no cookies, only the next request shows it
   * @throws the error of `login`, or of the option `tokens`
   */
  signIn(login: Login): Promise<boolean>
  /**
   * Ends the session on the server, then notifies the other browser tabs.
   * @throws TypeError if the server did not confirm it; the user is still signed in. Its `response` is the server's response, if
   * there was one
   */
  signOut(): Promise<void>
  /** Adds a listener that is called after each change of {@link SessionClient.session}. @returns a function that removes it */
  onChange(listener: (session: SessionState<User>) => void): () => void
  /** The hooks for HTTP libraries that Pawl has no `attach` function for. */
  readonly hooks: RequestHooks
  /** Removes every listener and stops the exchange with other browser tabs. Requests still work. */
  close(): void
}

/**
 * Creates the client of one session of one API: in a browser, a native app or another server. It sends nothing by itself, and
 * the module changes nothing global. So you may create a client while you render on a server.
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
  const {
    path = '/session',
    overlap,
    csrf,
    tokens,
    user,
    // biome-ignore lint/suspicious/noConsole: without a listener the problem would go unnoticed
    onProblem = (...problem) => console.warn('Pawl:', ...problem),
  } = options
  let resolvedUrl: string | undefined
  // Resolved at first use: a module rendered on a server may create a client there, where there is no `location`.
  const baseUrl = (): string =>
    (resolvedUrl ??= new Request(options.baseUrl ?? pageOrigin()).url.replace(/\/+$/, ''))
  const route = (name: string): string => `${baseUrl()}${path}/${name}`
  // Pages and workers only: Node.js has a BroadcastChannel too, but there the clients of many users share a process.
  let channel: BroadcastChannel | undefined
  if (!tokens && globalThis.location)
    try {
      channel = new BroadcastChannel(`pawl:${route('')}`)
    } catch {
      // The browser has none; or it blocks all cookies (Firefox).
    }

  const client: ClientState = {
    // The global `fetch` of this moment: a test or a monitoring tool may replace it at any time.
    send: (input, init, through) =>
      through && !options.fetch
        ? through(input, init)
        : sendOwn(options.fetch ?? globalThis.fetch, input, init),
    covers: (url: string) => url.startsWith(`${baseUrl()}/`),
    route,
    fetch: async (input, init, through) =>
      fetchWithSession(
        client,
        // A path alone is below `baseUrl`, which may be another origin than the page's.
        options.baseUrl && typeof input === 'string' && /^\/(?!\/)/.test(input) ? baseUrl() + input : input,
        init,
        through,
      ),
    csrf,
    storage: tokens,
    credentials: tokens ? 'omit' : 'include',
    timeout: (overlap || 30) * 500,
    user,
    report(...problem) {
      // Called later: an error of the callback must not fail a request.
      void Promise.resolve().then(() => onProblem(...problem))
    },
    runAlone: createTaskQueue(channel?.name),
    channel,
    session: UNKNOWN,
    listeners: new Set(),
    revision: 0,
    csrfToken: typeof csrf === 'string' ? csrf : undefined,
  }

  client.device = options.device?.attach(client)

  async function check(): Promise<SessionState<User>> {
    // During a sign-in the session is about to change, and the sign-in itself may be the caller.
    if (!client.signingIn) await (user ? identifyUser(client, false) : refresh(client)).catch(() => {})
    await client.identifying
    return client.session as SessionState<User>
  }

  function onPageShow({ persisted }: PageTransitionEvent): void {
    if (!persisted) return
    // The page comes back from the back/forward cache: it has missed messages.
    client.identifying = client.expiresAt = undefined
    setSession(client, UNKNOWN)
    void check()
  }

  if (channel) {
    channel.onmessage = (event) => onTabMessage(client, event)
    // The channel of Node.js, in a test, would keep the process running.
    ;(channel as { unref?(): void }).unref?.()
    globalThis.addEventListener?.('pageshow', onPageShow)
  }

  return {
    get session() {
      return client.session as SessionState<User>
    },
    fetch: client.fetch,
    check,
    signIn: (login) => signIn(client, login),
    signOut: () => signOut(client),
    onChange(listener) {
      client.listeners.add(listener as (session: SessionState) => void)
      return () => client.listeners.delete(listener as (session: SessionState) => void)
    },
    hooks: {
      covers: client.covers,
      before: before.bind(null, client),
      after: after.bind(null, client) as RequestHooks['after'],
    },
    close() {
      globalThis.removeEventListener?.('pageshow', onPageShow)
      channel?.close()
      client.channel = undefined
      client.listeners.clear()
    },
  }
}

/** The origin of the page or worker. A frame with `srcdoc` has that of its parent, which `location` does not give. */
function pageOrigin(): string {
  const origin = globalThis.origin ?? globalThis.location?.origin
  if (!origin || origin === 'null') throw new TypeError('Set `baseUrl`: no page gives an origin')
  return origin
}
