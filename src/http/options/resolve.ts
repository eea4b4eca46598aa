import { isProduction } from '../../core/environment.ts'
import { check } from '../../portable/options/check.ts'
import { resolveTable } from '../../portable/options/resolve-table.ts'
import type { CookieOptions, HttpOptions, ResolvedHttpOptions as Resolved } from './http-options.ts'
import { HTTP_OPTIONS, REQUIRE_OPTIONS } from './option-table.ts'
import type { RequireOptions, ResolvedRequireOptions } from './require-options.ts'

export type { CookieOptions, HttpOptions } from './http-options.ts'
export type { RequireOptions, ResolvedRequireOptions } from './require-options.ts'

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

const SAME_SITE = { lax: 'Lax', strict: 'Strict', none: 'None' } as const
const LOCAL_COOKIES: CookieSet = { access: 'pawl-access', refresh: 'pawl-refresh', secure: false }

/** @throws InvalidOptionsError */
export function resolveHttpOptions(options: HttpOptions): ResolvedHttpOptions {
  const given = resolveTable<Resolved>(HTTP_OPTIONS, options)
  const { path, cors, cookies } = given
  const inline = given.refresh === 'inline'
  const refreshPath = inline ? '/' : path
  const trustedOrigins = new Set(given.trustedOrigins)
  if (cors && trustedOrigins.size === 0)
    check.fail('cors', true, 'true together with `trustedOrigins`, the origins it is for')
  const domain = cookies.domain?.toLowerCase() ?? null
  const access = cookies.access ?? (domain === null ? '__Host-pawl-access' : '__Secure-pawl-access')
  checkPrefix('access', access, '/', domain)
  checkPrefix('refresh', cookies.refresh, refreshPath, domain)
  if (access === cookies.refresh)
    check.fail('cookies.refresh', cookies.refresh, 'another name than `cookies.access`')
  return Object.freeze({
    path,
    inline,
    csrfToken: given.csrf === 'token',
    trustedOrigins,
    cors,
    revocations: given.revocations,
    cookies: { access, refresh: cookies.refresh, secure: true },
    localCookies: allowsInsecureLocalhost(given.insecureLocalhost) ? LOCAL_COOKIES : null,
    domain,
    sameSite: SAME_SITE[cookies.sameSite],
    partitioned: cookies.partitioned,
    refreshPath,
  })
}

/**
 * A wrong requirement must not turn into none.
 * @throws InvalidOptionsError
 */
export function resolveRequireOptions(options: RequireOptions): ResolvedRequireOptions {
  return resolveTable(REQUIRE_OPTIONS, options)
}

function allowsInsecureLocalhost(given: boolean | null): boolean {
  const production = isProduction()
  if (given === true && production) {
    check.fail(
      'insecureLocalhost',
      true,
      'no `true` in production, because cookies without `Secure` can be read on the network',
    )
  }
  return given ?? !production
}

/** RFC 6265bis section 4.1.3: `__Host-` needs Path=/ and no Domain, both prefixes need Secure. */
function checkPrefix(which: keyof CookieOptions, name: string, path: string, domain: string | null): void {
  if (!/^__(?:host|http|host-http)-/i.test(name)) return
  if (name.startsWith('__Host-') && path === '/' && domain === null) return
  check.fail(
    `cookies.${which}`,
    name,
    "a name without `__Host-` when the cookie has a domain or a path other than '/'",
  )
}
