import { isProduction } from '../../core/environment.ts'
import { check } from '../../portable/options/check.ts'
import { resolveTable } from '../../portable/options/resolve-table.ts'
import type { OpenProtocol } from '../protocol.ts'
import type { CookieOptions, HttpOptions, ResolvedHttpOptions as Resolved } from './http-options.ts'
import { HTTP_OPTIONS, REQUIRE_OPTIONS } from './option-table.ts'
import type { RequireOptions, ResolvedRequireOptions } from './require-options.ts'

/** Whether an origin is trusted: the option `trustedOrigins` as a function. */
export type TrustOrigin = (origin: string) => boolean | Promise<boolean>

export type { CookieOptions, HttpOptions } from './http-options.ts'
export type { RequireOptions, ResolvedRequireOptions } from './require-options.ts'

/** One set of cookies: the secure one, or the one for plain localhost. */
export interface CookieSet {
  readonly access: string
  readonly refresh: string
  /** Proof of the device. Its name follows from that of the access cookie. */
  readonly device: string
  readonly secure: boolean
}

export interface ResolvedHttpOptions {
  readonly path: string
  readonly inline: boolean
  readonly csrfToken: boolean
  readonly trustedOrigins: ReadonlySet<string> | TrustOrigin
  readonly cors: boolean
  readonly revocations: boolean
  /** Opens the route of the cron; `null` for no such route. */
  readonly cronSecret: string | null
  readonly cookies: CookieSet
  /** `null` in production. */
  readonly localCookies: CookieSet | null
  readonly domain: string | null
  readonly sameSite: 'Lax' | 'Strict' | 'None'
  readonly partitioned: boolean
  /** Path of the refresh cookie. */
  readonly refreshPath: string
  /** Another protocol; `null` if the application speaks Pawl's own alone. */
  readonly protocol: OpenProtocol | null
}

const SAME_SITE = { lax: 'Lax', strict: 'Strict', none: 'None' } as const

/** @throws InvalidOptionsError */
export function resolveHttpOptions(options: HttpOptions): ResolvedHttpOptions {
  const given = resolveTable<Resolved>(HTTP_OPTIONS, options)
  const { path, cors, cookies } = given
  const inline = given.refresh === 'inline'
  const refreshPath = inline ? '/' : path
  const trustedOrigins =
    typeof given.trustedOrigins === 'function' ? given.trustedOrigins : new Set(given.trustedOrigins)
  if (cors && trustedOrigins instanceof Set && trustedOrigins.size === 0)
    check.fail('cors', true, 'true together with `trustedOrigins`, the origins it is for')
  const domain = cookies.domain?.toLowerCase() ?? null
  const access = cookies.access ?? (domain === null ? '__Host-pawl-access' : '__Secure-pawl-access')
  checkPrefix('access', access, '/', domain)
  checkPrefix('refresh', cookies.refresh, refreshPath, domain)
  if (access === cookies.refresh)
    check.fail('cookies.refresh', cookies.refresh, 'another name than `cookies.access`')
  const resolved = {
    path,
    inline,
    csrfToken: given.csrf === 'token',
    trustedOrigins,
    cors,
    revocations: given.revocations,
    cronSecret: given.cron,
    cookies: { access, refresh: cookies.refresh, device: deviceCookie(access), secure: true },
    localCookies: allowsInsecureLocalhost(given.insecureLocalhost)
      ? localCookies(access, cookies.refresh)
      : null,
    domain,
    sameSite: SAME_SITE[cookies.sameSite],
    partitioned: cookies.partitioned,
    refreshPath,
  }
  return Object.freeze({ ...resolved, protocol: given.protocol?.open(resolved) ?? null })
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

/**
 * Cookies do not know ports, so applications on one localhost need names of their own there too. They differ from the
 * secure names, because a proxy that hides itself is recognized by secure cookies.
 */
function localCookies(access: string, refresh: string): CookieSet {
  const local = (name: string): string => {
    const plain = name.replace(/^__(?:Host|Secure)-/i, '')
    return plain === name ? `${name}-local` : plain
  }
  const [localAccess, localRefresh] = [local(access), local(refresh)]
  return {
    access: localAccess,
    refresh: localRefresh === localAccess ? `${localRefresh}-refresh` : localRefresh,
    device: deviceCookie(localAccess),
    secure: false,
  }
}

/** `__Host-pawl-device` for `__Host-pawl-access`. Only this host can set it, whatever the access cookie is. */
function deviceCookie(access: string): string {
  const plain = access.replace(/^__(?:Host|Secure)-/i, '')
  return `__Host-${plain.replace(/-?access$/i, '') || plain}-device`
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
