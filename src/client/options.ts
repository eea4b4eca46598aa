import type { DeviceBinding } from './device.ts'
import type { TokenStorage } from './token-storage.ts'

/**
 * A problem that the client reports besides the state of the session.
 *
 * - `cookies-blocked`: the browser did not keep the cookies of a sign-in or refresh. Reported once per sign-in.
 * - `user-failed`: the option `user` threw an error, or took longer than 10 s.
 * - `storage-failed`: a method of the option `tokens` threw an error or took longer than 10 s. Reported once until a
 *   method succeeds. Also if the key of the option `device` cannot be read or kept.
 * - `device-unproven`: the session is bound to the key of a device, and this device has not proved that it has the key.
 *   The client counts the user as signed out: ask the user to sign in again.
 */
export type SessionProblem = 'cookies-blocked' | 'user-failed' | 'storage-failed' | 'device-unproven'

/** The options of {@link createSessionClient}. All are optional. */
export interface SessionClientOptions<User = unknown> {
  /**
   * The URL of the API: `https://api.example.com`, or with a path. The client handles only requests below it. It appends a
   * path such as `/me` in `client.fetch('/me')` to the URL. Required if there is no page, as in a native app.
   * @defaultValue the origin of the page
   */
  readonly baseUrl?: string
  /**
   * The path of the refresh and logout routes, below `baseUrl`. It must equal the server's option `path`.
   * @defaultValue '/session'
   */
  readonly path?: string
  /**
   * A function that sends every request, with the signature of the global `fetch`.
   * @defaultValue `globalThis.fetch` at the time of each request
   */
  readonly fetch?: typeof fetch
  /**
   * Whether requests carry the session's CSRF token. Set it if the server has `csrf: 'token'`, or a route requires the
   * token. A string is the token that the server rendered into the page. With `true`, the client refreshes before the first
   * unsafe request to get the token, which needs `csrf: 'token'` on the server.
   * @defaultValue false
   */
  readonly csrf?: boolean | string
  /**
   * The server's option `rotation.overlap`, in seconds. If a refresh gets no response within half of it, the client gives
   * the refresh up.
   * @defaultValue 30
   */
  readonly overlap?: number
  /**
   * The storage of the tokens. It turns on bearer mode, in which the application keeps the tokens itself.
   * @defaultValue none: cookie mode, in which no script can read the tokens
   */
  readonly tokens?: TokenStorage
  /**
   * The key of this device, to which the client binds each session: `bindDevice()` of `pawl/client/bind`.
   * @defaultValue none: browsers with Device Bound Session Credentials bind sessions by themselves
   */
  readonly device?: DeviceBinding
  /**
   * A function that loads the signed-in user for `session.user`, with the client's `fetch`. It returns null if nobody is
   * signed in, and throws if it cannot find out. After 10 s the client continues without it. The client calls it in
   * `check()`, and after each sign-in in any browser tab.
   * @defaultValue none: `session.user` is always null
   */
  readonly user?: (fetch: typeof globalThis.fetch) => Promise<User | null>
  /**
   * A function that the client calls for each problem, with the error if there is one.
   * @defaultValue a warning on the console
   */
  readonly onProblem?: (problem: SessionProblem, cause?: unknown) => void
}
