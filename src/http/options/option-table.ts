import { cookieName } from '../../portable/options/cookie-name.ts'
import { group } from '../../portable/options/group.ts'
import type { OptionTable } from '../../portable/options/option.ts'
import { flag, oneOf, seconds } from '../../portable/options/values.ts'
import { protocol } from '../protocol.ts'
import { cron } from './cron.ts'
import { cookieDomain, routePath, trustedOrigins } from './names.ts'

/** The options of every adapter. After a change run `npm run options`. */
export const HTTP_OPTIONS: OptionTable = {
  /**
   * The path below which Pawl serves its routes `<path>/refresh` and `<path>/logout`. With `refresh: 'endpoint'` it is also the
   * path of the refresh cookie.
   */
  path: { value: routePath(), default: '/session' },
  /**
   * Where Pawl refreshes an expired access token. `endpoint`: the browser client calls the refresh route, and
   * browsers send the refresh cookie only there. `inline`: Pawl refreshes inside any request, for server-rendered
   * applications without client code. Browsers then send the refresh cookie with every request.
   */
  refresh: { value: oneOf('endpoint', 'inline'), default: 'endpoint' },
  /**
   * How Pawl detects cross-site requests. `fetch-metadata`: by `Sec-Fetch-Site`, then by `Origin`. `token`:
   * an unsafe request of a session must also carry its CSRF token in the header `pawl-csrf`.
   */
  csrf: { value: oneOf('fetch-metadata', 'token'), default: 'fetch-metadata' },
  /**
   * The origins, besides the request's own, that may send unsafe requests. If it is a function, Pawl calls it for each
   * request of another origin. It may read a table of your customers' domains. If it throws or takes longer than 10
   * seconds, Pawl does not trust the origin.
   * @type {readonly string[] | ((origin: string) => boolean | Promise<boolean>)}
   */
  trustedOrigins: { value: trustedOrigins(), default: [] },
  /**
   * Whether pages of the `trustedOrigins` may call the application with cookies and read the answers. Pawl
   * then answers preflights and sends the CORS headers. Leave it off if your application sends them itself.
   */
  cors: { value: flag(), default: false },
  /**
   * Whether Pawl serves the route `<path>/revocations`, by which services with `pawl/verify` learn of ended and
   * changed sessions. Its answer holds parts of session ids and nothing about users.
   */
  revocations: { value: flag(), default: false },
  /**
   * The secret of a cron, 16 to 255 characters, for which Pawl serves `GET <path>/prune`. The route deletes rows past their
   * retention, for five seconds at most. The cron must send `Authorization: Bearer` with this secret, as Vercel does with `CRON_SECRET`. Use it
   * for processes that do not prune by themselves (`serverless`).
   * @type {{ readonly secret: string | undefined }}
   * @defaultValue no such route
   */
  cron: { value: cron() },
  /** The names and attributes of the cookies. The name of the device cookie follows from that of the access cookie. */
  cookies: group({
    /**
     * The name of the access cookie. Only the prefix `__Host-` keeps sibling subdomains from setting it.
     * @defaultValue `'__Host-pawl-access'`, with a domain `'__Secure-pawl-access'`
     */
    access: {
      value: cookieName(),
    },
    /** The name of the refresh cookie. */
    refresh: { value: cookieName(), default: '__Secure-pawl-refresh' },
    /**
     * The domain whose subdomains share the cookies. Each of them can then set the cookies too, and so sign a
     * user in as somebody else.
     * @defaultValue this host only
     */
    domain: { value: cookieDomain() },
    /** The attribute `SameSite` of the cookies. `none` needs https: on plain http it changes nothing. */
    sameSite: { value: oneOf('lax', 'strict', 'none'), default: 'lax' },
    /** Whether the cookies have the attribute `Partitioned` (CHIPS), for pages of another site. Needs `sameSite: 'none'`. */
    partitioned: { value: flag(), default: false },
  }),
  /**
   * Whether plain `http://localhost` on the same machine gets cookies without `Secure` and without a prefix.
   * Safari drops any others there. Pawl refuses `true` in production.
   * @defaultValue true unless `NODE_ENV` is `production`
   */
  insecureLocalhost: { value: flag() },
  /**
   * Another protocol that Pawl serves beside its own: `supertokens()` of `pawl/supertokens`, for the client SDKs of
   * SuperTokens (docs/guides/supertokens.md).
   * @type {Protocol}
   */
  protocol: { value: protocol() },
}

/** The requirements of a route. After a change run `npm run options`. */
export const REQUIRE_OPTIONS: OptionTable = {
  /** Whether a request without a session passes. A request with an expired access token must still refresh. */
  optional: { value: flag(), default: false },
  /**
   * The highest accepted age of the authentication (ASVS 7.5.1). An older one gets 403 `recent_auth_required`.
   * @defaultValue any age
   */
  maxAuthAge: { value: seconds(0, 3650 * 86_400) },
  /**
   * Whether an administrator who acts as the user passes (`session.actAs`). `false` answers 403 `acting_refused`.
   */
  acting: { value: flag(), default: true },
  /**
   * Whether the request must carry the session's CSRF token in the header `pawl-csrf`. The requirement depends neither on
   * the method nor on the adapter's option `csrf`. In bearer mode no token is needed.
   */
  csrf: { value: flag(), default: false },
  /** Whether the session must be bound to a device (`deviceBinding`). Any other session gets 403 `device_required`. */
  device: { value: flag(), default: false },
  /**
   * Whether the request must carry a proof in the header `DPoP` (RFC 9449 section 7). The proof is a JWT of the type
   * `dpop+jwt`, signed by the key of the session. It has `htm`, `htu` and `ath` of this request and an `iat` within five
   * minutes. Without it Pawl answers 401 `device_proof_required`. Pawl remembers no proofs, so one can be repeated within
   * these minutes (RFC 9449 section 11.1). Use it for clients with a key of their own. In a browser with DBSC no script can
   * use the key.
   */
  proof: { value: flag(), default: false },
  /**
   * Whether to read the row of the session instead of relying on the feed, for actions that must see a revocation at
   * once.
   */
  lookup: { value: flag(), default: false },
}
