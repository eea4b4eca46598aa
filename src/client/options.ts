import type { TokenStorage } from './token-storage.ts'

/**
 * What a client has to report besides the session's state.
 *
 * - `cookies-blocked`: the server answered a sign-in or refresh, and the browser kept nothing of it. Once per
 *   sign-in.
 * - `user-failed`: the `user` option threw.
 */
export type SessionProblem = 'cookies-blocked' | 'user-failed'

/** What {@link createSessionClient} takes. All of it is optional. */
export interface SessionClientOptions<User = unknown> {
  /**
   * Where the API is: `https://api.example.com`, or with a path. Only requests below it are looked at or
   * changed, and `client.fetch('/me')` goes there. @defaultValue the page's own origin
   */
  readonly baseUrl?: string
  /** The server's `path` option: where refresh and logout are, below `baseUrl`. @defaultValue '/session' */
  readonly path?: string
  /** Sends everything. @defaultValue `globalThis.fetch` as it is when the client is created */
  readonly fetch?: typeof fetch
  /**
   * For a server with `csrf: 'token'`: sends the session's token with unsafe requests. A string is the token
   * the page was rendered with; without one, the first unsafe request refreshes to get it. @defaultValue false
   */
  readonly csrf?: boolean | string
  /** The server's `overlap`, in seconds: a refresh not answered within half of it counts as lost. @defaultValue 30 */
  readonly overlap?: number
  /** Turns on bearer mode, and keeps its tokens. @defaultValue cookies, which no script can read */
  readonly tokens?: TokenStorage
  /**
   * Who is signed in, for `session.user`: called when that is wanted and after each sign-in, in any tab.
   * Returns null where nobody is, and throws where that cannot be said. It is given the client's `fetch`.
   * @defaultValue none: the client knows nothing of the user
   */
  readonly user?: (fetch: typeof globalThis.fetch) => Promise<User | null>
  /** Hears of problems. @defaultValue a warning on the console */
  readonly onProblem?: (problem: SessionProblem, cause?: unknown) => void
}
