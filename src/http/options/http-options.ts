// `npm run options` writes this file from ./option-table.ts. Change that file instead.

import type { Protocol } from '../protocol.ts'

/** What every adapter takes. All of it is optional. */
export interface HttpOptions {
  /**
   * Where Pawl serves `<path>/refresh` and `<path>/logout`. Also the path of the refresh cookie.
   * Takes an absolute path without a trailing slash, like '/session'.
   * @defaultValue '/session'
   */
  readonly path?: string
  /**
   * How an expired access token is renewed. `endpoint`: the browser client calls the refresh route, and browsers
   * send the refresh cookie only there. `inline`: inside any request, for server-rendered applications without
   * client code; browsers send the refresh cookie with every request.
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
   * Origins, besides the request's own, that may send unsafe requests. A function is called for each request of
   * another origin, and may read a table of your customers' domains. If it throws or takes longer than 10 seconds,
   * the origin is not trusted.
   * Takes an array of exact origins like 'https://app.example.com' or 'capacitor://localhost', without a path, or
   * a function of an origin.
   * @defaultValue []
   */
  readonly trustedOrigins?: readonly string[] | ((origin: string) => boolean | Promise<boolean>)
  /**
   * Whether pages of the `trustedOrigins` may call the application with cookies and read the answers. Pawl then
   * answers preflights and sends the CORS headers. Leave it off if the application sends them itself.
   * @defaultValue false
   */
  readonly cors?: boolean
  /**
   * Whether Pawl serves `<path>/revocations`, where services that use `pawl/verify` learn of ended and changed
   * sessions. The answer holds parts of session ids and nothing about users.
   * @defaultValue false
   */
  readonly revocations?: boolean
  /**
   * Serves `GET <path>/prune` to a cron, which deletes rows past their retention, for five seconds at most. The
   * cron must send `Authorization: Bearer` with this secret, at least 16 characters, as Vercel does with
   * `CRON_SECRET`. For processes that do not prune by themselves (`serverless`).
   * @defaultValue no such route
   */
  readonly cron?: { readonly secret: string | undefined }
  /** Names and attributes of the cookies. The name of the device cookie follows from that of the access cookie. */
  readonly cookies?: CookieOptions
  /**
   * Whether plain `http://localhost` on the same machine gets cookies without `Secure` and without a prefix,
   * because Safari drops the others there. Pawl refuses `true` in production.
   * @defaultValue true unless NODE_ENV is production
   */
  readonly insecureLocalhost?: boolean
  /**
   * Another protocol that the application serves beside Pawl's own: `supertokens()` of `pawl/supertokens`, for the
   * client SDKs of SuperTokens (docs/guides/supertokens.md).
   */
  readonly protocol?: Protocol
}
/** Names and attributes of the cookies. The name of the device cookie follows from that of the access cookie. */
export interface CookieOptions {
  /**
   * Name of the access cookie. Only the prefix `__Host-` keeps sibling subdomains from setting it.
   * Takes a cookie name of at most 64 characters.
   * @defaultValue '__Host-pawl-access', with a domain '__Secure-pawl-access'
   */
  readonly access?: string
  /**
   * Name of the refresh cookie.
   * Takes a cookie name of at most 64 characters.
   * @defaultValue '__Secure-pawl-refresh'
   */
  readonly refresh?: string
  /**
   * Shares the cookies with the subdomains of this domain. Each of them can then set the cookies too, and so sign
   * a user in as somebody else.
   * Takes a domain like 'example.com', without a leading dot.
   * @defaultValue this host only
   */
  readonly domain?: string
  /**
   * The attribute `SameSite`. `none` needs https: on plain http it changes nothing.
   * @defaultValue 'lax'
   */
  readonly sameSite?: 'lax' | 'strict' | 'none'
  /**
   * The attribute `Partitioned` (CHIPS), for pages of another site: embedded, or calling the API. Needs `sameSite:
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
