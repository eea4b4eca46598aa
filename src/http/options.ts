import { check } from '../core/options/options.ts'
import { MAX_COOKIE_NAME } from '../core/tokens/access-token.ts'

/** What an adapter takes. All of it is optional. */
export interface HttpOptions {
  /** Where the routes `<path>/refresh` and `<path>/logout` are served. @defaultValue '/session' */
  readonly path?: string
  /**
   * How an expired access token is renewed. `endpoint`: the browser client calls the refresh route, and
   * the refresh cookie is sent there only. `inline`: inside any request, for classic server-rendered
   * applications without client code; the refresh cookie is sent with every request. @defaultValue 'endpoint'
   */
  readonly refresh?: 'endpoint' | 'inline'
  /**
   * `fetch-metadata`: unsafe requests must come from this site, by `Sec-Fetch-Site`, then `Origin`.
   * `token`: besides, those of a session carry its token in the `pawl-csrf` header. @defaultValue 'fetch-metadata'
   */
  readonly csrf?: 'fetch-metadata' | 'token'
  /** Origins besides the request's own that may send unsafe requests: `https://app.example.com`. @defaultValue [] */
  readonly trustedOrigins?: readonly string[]
  /**
   * Whether pages of the `trustedOrigins` may call the application below the adapter with its cookies and
   * read the answers (CORS): preflights are answered, and every answer names the origin. Leave it off where
   * the application sends those headers itself. @defaultValue false
   */
  readonly cors?: boolean
  /**
   * Whether `<path>/revocations` tells other services, which verify access tokens with `pawl/verify`, which
   * sessions ended or changed lately: a part of their ids, and nothing of their users. @defaultValue false
   */
  readonly revocations?: boolean
  readonly cookies?: CookieOptions
  /**
   * Whether plain `http://localhost`, asked for from this machine, gets cookies without `Secure` and
   * prefix (Safari drops the others there). Refused in production.
   * @defaultValue true unless `NODE_ENV` is `production`
   */
  readonly insecureLocalhost?: boolean
}

export interface CookieOptions {
  /** Name of the access cookie, at most 64 characters. @defaultValue '__Host-pawl-access' ('__Secure-pawl-access' with a domain) */
  readonly access?: string
  /** Name of the refresh cookie. @defaultValue '__Secure-pawl-refresh' */
  readonly refresh?: string
  /** Shares the cookies with subdomains: `example.com`. @defaultValue this host only */
  readonly domain?: string
  /** @defaultValue 'lax' */
  readonly sameSite?: 'lax' | 'strict' | 'none'
  /** CHIPS: for pages embedded in other sites, with `sameSite: 'none'`. @defaultValue false */
  readonly partitioned?: boolean
}

/** One set of cookies: the secure one, or the one for plain localhost. */
export interface CookieSet {
  readonly access: string
  readonly refresh: string
  readonly secure: boolean
}

export interface ResolvedHttpOptions {
  readonly path: string
  readonly inline: boolean
  readonly csrfToken: boolean
  readonly trustedOrigins: ReadonlySet<string>
  readonly cors: boolean
  readonly revocations: boolean
  readonly cookies: CookieSet
  /** `null` in production. */
  readonly localCookies: CookieSet | null
  readonly domain: string | null
  readonly sameSite: 'Lax' | 'Strict' | 'None'
  readonly partitioned: boolean
  /** Path of the refresh cookie. */
  readonly refreshPath: string
}

const KNOWN: ReadonlySet<string> = new Set<keyof HttpOptions>([
  'path',
  'refresh',
  'csrf',
  'trustedOrigins',
  'cors',
  'revocations',
  'cookies',
  'insecureLocalhost',
])
const KNOWN_COOKIES: ReadonlySet<string> = new Set<keyof CookieOptions>([
  'access',
  'refresh',
  'domain',
  'sameSite',
  'partitioned',
])
const SAME_SITE = { lax: 'Lax', strict: 'Strict', none: 'None' } as const

/** @throws InvalidOptionsError */
export function resolveHttpOptions(options: HttpOptions): ResolvedHttpOptions {
  const given = check.record('', options, KNOWN) as HttpOptions
  const cookies = check.record('cookies', given.cookies ?? {}, KNOWN_COOKIES) as CookieOptions
  const path = given.path ?? '/session'
  if (typeof path !== 'string' || !/^(?:\/[\w.~-]+)+$/.test(path) || path.length > 255) {
    check.fail('path', path, "an absolute path without a trailing slash, like '/session'")
  }
  const inline = check.oneOf('refresh', given.refresh ?? 'endpoint', ['endpoint', 'inline']) === 'inline'
  const sameSite =
    SAME_SITE[check.oneOf('cookies.sameSite', cookies.sameSite ?? 'lax', ['lax', 'strict', 'none'])]
  const partitioned = check.boolean('cookies.partitioned', cookies.partitioned ?? false)
  const domain = cookieDomain(cookies.domain)
  // Read here and nowhere else: no other sign of "production" reaches a library.
  // biome-ignore lint/style/noProcessEnv: the field's own convention for what this option defaults to
  const production = process.env['NODE_ENV'] === 'production'
  const insecureLocalhost = check.boolean('insecureLocalhost', given.insecureLocalhost ?? !production)
  if (insecureLocalhost && production) {
    check.fail(
      'insecureLocalhost',
      true,
      'no `true` in production: cookies without `Secure` can be read on the way',
    )
  }
  const origins = trustedOrigins(given.trustedOrigins ?? [])
  const cors = check.boolean('cors', given.cors ?? false)
  if (cors && origins.size === 0)
    check.fail('cors', true, 'true together with `trustedOrigins`, the origins it is for')
  const refreshPath = inline ? '/' : path
  const access = cookieName(
    'access',
    cookies.access ?? (domain === null ? '__Host-pawl-access' : '__Secure-pawl-access'),
    '/',
    domain,
  )
  const refresh = cookieName('refresh', cookies.refresh ?? '__Secure-pawl-refresh', refreshPath, domain)
  if (access === refresh) check.fail('cookies.refresh', refresh, 'another name than `cookies.access`')
  return Object.freeze({
    path,
    inline,
    csrfToken: check.oneOf('csrf', given.csrf ?? 'fetch-metadata', ['fetch-metadata', 'token']) === 'token',
    trustedOrigins: origins,
    cors,
    revocations: check.boolean('revocations', given.revocations ?? false),
    cookies: { access, refresh, secure: true },
    localCookies: insecureLocalhost
      ? { access: 'pawl-access', refresh: 'pawl-refresh', secure: false }
      : null,
    domain,
    sameSite,
    partitioned,
    refreshPath,
  })
}

/** RFC 6265bis section 4.1.3: `__Host-` needs Path=/ and no Domain, both prefixes need Secure. */
function cookieName(which: 'access' | 'refresh', name: unknown, path: string, domain: string | null): string {
  const option = `cookies.${which}`
  if (typeof name !== 'string' || !/^[\w!#$%&'*+.^`|~-]+$/.test(name) || name.length > MAX_COOKIE_NAME) {
    return check.fail(option, name, `a cookie name of at most ${MAX_COOKIE_NAME} characters`)
  }
  if (
    /^__(?:host|http|host-http)-/i.test(name) &&
    (!name.startsWith('__Host-') || path !== '/' || domain !== null)
  ) {
    return check.fail(
      option,
      name,
      "a name without `__Host-` when the cookie has a domain or a path other than '/'",
    )
  }
  return name
}

function cookieDomain(domain: unknown): string | null {
  if (domain === undefined) return null
  if (typeof domain !== 'string' || domain.length > 253 || !/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/i.test(domain)) {
    return check.fail('cookies.domain', domain, "a domain like 'example.com', without a leading dot")
  }
  return domain.toLowerCase()
}

function trustedOrigins(origins: unknown): ReadonlySet<string> {
  if (!Array.isArray(origins)) return check.fail('trustedOrigins', origins, 'an array of origins')
  for (const [index, origin] of origins.entries()) {
    const exact = typeof origin === 'string' && URL.canParse(origin) && new URL(origin).origin === origin
    if (!exact || !/^https?:/.test(origin)) {
      check.fail(
        `trustedOrigins[${index}]`,
        origin,
        "an exact origin like 'https://app.example.com', without a path",
      )
    }
  }
  return new Set(origins as string[])
}
