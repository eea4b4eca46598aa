import { cookieName } from '../../portable/options/cookie-name.ts'
import { group } from '../../portable/options/group.ts'
import type { OptionTable } from '../../portable/options/option.ts'
import { flag, oneOf, seconds } from '../../portable/options/values.ts'
import { protocol } from '../protocol.ts'
import { cron } from './cron.ts'
import { cookieDomain, routePath, trustedOrigins } from './names.ts'

/** The options of every adapter. After a change run `npm run options`. */
export const HTTP_OPTIONS: OptionTable = {
  /** Where Pawl serves `<path>/refresh` and `<path>/logout`. Also the path of the refresh cookie. */
  path: { value: routePath(), default: '/session' },
  /**
   * How an expired access token is renewed. `endpoint`: the browser client calls the refresh route, and
   * browsers send the refresh cookie only there. `inline`: inside any request, for server-rendered
   * applications without client code; browsers send the refresh cookie with every request.
   */
  refresh: { value: oneOf('endpoint', 'inline'), default: 'endpoint' },
  /**
   * How Pawl detects cross-site requests. `fetch-metadata`: by `Sec-Fetch-Site`, then by `Origin`. `token`:
   * an unsafe request of a session must also carry its CSRF token in the header `pawl-csrf`.
   */
  csrf: { value: oneOf('fetch-metadata', 'token'), default: 'fetch-metadata' },
  /**
   * Origins, besides the request's own, that may send unsafe requests. A function is called for each request of another
   * origin, and may read a table of your customers' domains. If it throws or takes longer than 10 seconds, the origin
   * is not trusted.
   * @type {readonly string[] | ((origin: string) => boolean | Promise<boolean>)}
   */
  trustedOrigins: { value: trustedOrigins(), default: [] },
  /**
   * Whether pages of the `trustedOrigins` may call the application with cookies and read the answers. Pawl
   * then answers preflights and sends the CORS headers. Leave it off if the application sends them itself.
   */
  cors: { value: flag(), default: false },
  /**
   * Whether Pawl serves `<path>/revocations`, where services that use `pawl/verify` learn of ended and
   * changed sessions. The answer holds parts of session ids and nothing about users.
   */
  revocations: { value: flag(), default: false },
  /**
   * Serves `GET <path>/prune` to a cron, which deletes rows past their retention, for five seconds at most. The cron must send
   * `Authorization: Bearer` with this secret, at least 16 characters, as Vercel does with `CRON_SECRET`. For processes that
   * do not prune by themselves (`serverless`).
   * @type {{ readonly secret: string | undefined }}
   * @defaultValue no such route
   */
  cron: { value: cron() },
  /** Names and attributes of the cookies. The name of the device cookie follows from that of the access cookie. */
  cookies: group({
    /**
     * Name of the access cookie. Only the prefix `__Host-` keeps sibling subdomains from setting it.
     * @defaultValue `'__Host-pawl-access'`, with a domain `'__Secure-pawl-access'`
     */
    access: {
      value: cookieName(),
    },
    /** Name of the refresh cookie. */
    refresh: { value: cookieName(), default: '__Secure-pawl-refresh' },
    /**
     * Shares the cookies with the subdomains of this domain. Each of them can then set the cookies too, and so sign a
     * user in as somebody else.
     * @defaultValue this host only
     */
    domain: { value: cookieDomain() },
    /** The attribute `SameSite`. `none` needs https: on plain http it changes nothing. */
    sameSite: { value: oneOf('lax', 'strict', 'none'), default: 'lax' },
    /** The attribute `Partitioned` (CHIPS), for pages of another site: embedded, or calling the API. Needs `sameSite: 'none'`. */
    partitioned: { value: flag(), default: false },
  }),
  /**
   * Whether plain `http://localhost` on the same machine gets cookies without `Secure` and without a prefix,
   * because Safari drops the others there. Pawl refuses `true` in production.
   * @defaultValue true unless `NODE_ENV` is `production`
   */
  insecureLocalhost: { value: flag() },
  /**
   * Another protocol that the application serves beside Pawl's own: `supertokens()` of `pawl/supertokens`, for the client
   * SDKs of SuperTokens (docs/guides/supertokens.md).
   * @type {Protocol}
   */
  protocol: { value: protocol() },
}

/** What a route requires of a request. After a change run `npm run options`. */
export const REQUIRE_OPTIONS: OptionTable = {
  /** Whether a request without a session passes. One with an expired access token must still refresh. */
  optional: { value: flag(), default: false },
  /**
   * The oldest accepted authentication (ASVS 7.5.1).
   * @defaultValue any age
   */
  maxAuthAge: { value: seconds(0, 3650 * 86_400) },
  /**
   * Whether an administrator who acts as the user passes (`session.actAs`). `false` answers 403 `acting_refused`.
   */
  acting: { value: flag(), default: true },
  /**
   * Whether the request must carry the session's CSRF token in the header `pawl-csrf`, whatever its method and the
   * adapter's option `csrf`. Bearer mode needs none.
   */
  csrf: { value: flag(), default: false },
  /** Whether the session must be bound to a device (`deviceBinding`). Any other answers 403 `device_required`. */
  device: { value: flag(), default: false },
  /**
   * Whether the request must carry a proof in the header `DPoP`: a JWT of the type `dpop+jwt`, signed by the key of the
   * session, with `htm`, `htu` and `ath` of this request and an `iat` within five minutes (RFC 9449 section 7). Without it
   * 401 `device_proof_required`. A proof can be repeated within these minutes: Pawl remembers none (RFC 9449 section 11.1).
   * For clients with a key of their own: a browser's device-bound session has none that a script could use.
   */
  proof: { value: flag(), default: false },
  /**
   * Whether to read the session's row instead of trusting the feed, for actions that must not happen a moment
   * too late.
   */
  lookup: { value: flag(), default: false },
}
