// `npm run options` writes this file from ./option-table.ts. Change that file instead.

import type { Protocol } from '../protocol.ts'

/** The options of every adapter. All of them are optional. */
export interface HttpOptions {
  /**
   * The path below which Pawl serves its routes `<path>/refresh` and `<path>/logout`. With `refresh: 'endpoint'`
   * it is also the path of the refresh cookie.
   * Takes an absolute path without a trailing slash, like '/session'.
   * @defaultValue '/session'
   */
  readonly path?: string
  /**
   * Where Pawl refreshes an expired access token. `endpoint`: the browser client calls the refresh route, and
   * browsers send the refresh cookie only there. `inline`: Pawl refreshes inside any request, for server-rendered
   * applications without client code. Browsers then send the refresh cookie with every request.
   * @defaultValue 'endpoint'
   */
  readonly refresh?: 'endpoint' | 'inline'
  /**
   * How Pawl detects cross-site requests. `fetch-metadata`: by `Sec-Fetch-Site`, then by `Origin`. `token`: an
   * unsafe request of a session must also carry its CSRF token in the header `pawl-csrf`.
   * @defaultValue 'fetch-metadata'
   */
  readonly csrf?: 'fetch-metadata' | 'token'
  /**
   * The origins, besides the request's own, that may send unsafe requests. If it is a function, Pawl calls it for
   * each request of another origin. It may read a table of your customers' domains. If it throws or takes longer
   * than 10 seconds, Pawl does not trust the origin.
   * Takes an array of exact origins like 'https://app.example.com' or 'capacitor://localhost', without a path, or
   * a function of an origin.
   * @defaultValue []
   */
  readonly trustedOrigins?: readonly string[] | ((origin: string) => boolean | Promise<boolean>)
  /**
   * Whether pages of the `trustedOrigins` may call the application with cookies and read the answers. Pawl then
   * answers preflights and sends the CORS headers. Leave it off if your application sends them itself.
   * @defaultValue false
   */
  readonly cors?: boolean
  /**
   * Whether Pawl serves the route `<path>/revocations`, by which services with `pawl/verify` learn of ended and
   * changed sessions. Its answer holds parts of session ids and nothing about users.
   * @defaultValue false
   */
  readonly revocations?: boolean
  /**
   * The secret of a cron, 16 to 255 characters, for which Pawl serves `GET <path>/prune`. The route deletes rows
   * past their retention, for five seconds at most. The cron must send `Authorization: Bearer` with this secret,
   * as Vercel does with `CRON_SECRET`. Use it for processes that do not prune by themselves (`serverless`).
   * @defaultValue no such route
   */
  readonly cron?: { readonly secret: string | undefined }
  /** The names and attributes of the cookies. The name of the device cookie follows from that of the access cookie. */
  readonly cookies?: CookieOptions
  /**
   * Whether plain `http://localhost` on the same machine gets cookies without `Secure` and without a prefix.
   * Safari drops any others there. Pawl refuses `true` in production.
   * @defaultValue true unless NODE_ENV is production
   */
  readonly insecureLocalhost?: boolean
  /**
   * Another protocol that Pawl serves beside its own: `supertokens()` of `pawl/supertokens`, for the client SDKs
   * of SuperTokens (docs/guides/supertokens.md).
   */
  readonly protocol?: Protocol
}
/** The names and attributes of the cookies. The name of the device cookie follows from that of the access cookie. */
export interface CookieOptions {
  /**
   * The name of the access cookie. Only the prefix `__Host-` keeps sibling subdomains from setting it.
   * Takes a cookie name of at most 64 characters.
   * @defaultValue '__Host-pawl-access', with a domain '__Secure-pawl-access'
   */
  readonly access?: string
  /**
   * The name of the refresh cookie.
   * Takes a cookie name of at most 64 characters.
   * @defaultValue '__Secure-pawl-refresh'
   */
  readonly refresh?: string
  /**
   * The domain whose subdomains share the cookies. Each of them can then set the cookies too, and so sign a user
   * in as somebody else.
   * Takes a domain like 'example.com', without a leading dot.
   * @defaultValue this host only
   */
  readonly domain?: string
  /**
   * The attribute `SameSite` of the cookies. `none` needs https: on plain http it changes nothing.
   * @defaultValue 'lax'
   */
  readonly sameSite?: 'lax' | 'strict' | 'none'
  /**
   * Whether the cookies have the attribute `Partitioned` (CHIPS), for pages of another site. Needs `sameSite:
   * 'none'`.
   * @defaultValue false
   */
  readonly partitioned?: boolean
}

/** {@link HttpOptions}, checked and complete. Durations are in milliseconds. */
export interface ResolvedHttpOptions {
  readonly path: string
  readonly refresh: 'endpoint' | 'inline'
  readonly csrf: 'fetch-metadata' | 'token'
  readonly trustedOrigins: readonly string[] | ((origin: string) => boolean | Promise<boolean>)
  readonly cors: boolean
  readonly revocations: boolean
  readonly cron: string | null
  readonly cookies: {
    readonly access: string | null
    readonly refresh: string
    readonly domain: string | null
    readonly sameSite: 'lax' | 'strict' | 'none'
    readonly partitioned: boolean
  }
  readonly insecureLocalhost: boolean | null
  readonly protocol: Protocol | null
}
