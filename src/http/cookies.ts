import { VOUCHES_FOR } from '../core/device/vouching.ts'
import { isLoopbackAddress, isLoopbackHost } from '../portable/loopback.ts'
import { cookieValues } from '../wire/credentials.ts'
import type { Exchange } from './exchange.ts'
import type { CookieSet, ResolvedHttpOptions } from './options/resolve.ts'

/** Browsers keep no cookie for longer (RFC 6265bis section 5.5). Seconds. */
const MAX_AGE = 400 * 86_400
/**
 * The attributes of a lifetime. `Max-Age` comes last: WebKitGTK and WPE obey the last one of the two, against RFC 6265
 * section 5.3, and a browser whose clock is ahead would drop a cookie that has expired by `Expires`.
 */
const lifetime = (seconds: number, end: Date): string => `Expires=${end.toUTCString()}; Max-Age=${seconds}`
/** The lifetime of a cookie that is being removed. */
const REMOVED = lifetime(0, new Date(0))

/**
 * The value of the device cookie after a logout. Chromium renews a cookie that has less than two minutes left in the background,
 * so it asks the device route soon.
 */
export const SIGNED_OUT = 'signed-out'

/** How long a cookie lives. */
export interface CookieLifetime {
  /** Null for the end of the browser session. */
  readonly expiresAt: Date | null
  readonly now: number
}

/** Writes the cookies of one exchange: secure ones, or those for plain localhost. */
export interface CookieWriter {
  readonly set: CookieSet
  access(value: string, life: CookieLifetime): string
  refresh(value: string, life: CookieLifetime): string
  /** @param now in ms */
  device(value: string, now: number): string
  clearDevice(): string
  /** The device cookie after a logout. @param now in ms */
  signedOut(now: number): string
  /** The attributes of the device cookie besides its lifetime. */
  readonly deviceAttributes: string
  /** Removes the access cookie and the refresh cookie. */
  clear(): string[]
  /** Removes refresh cookies that earlier settings or a sibling domain may have left. */
  clearStrayRefresh(host: string | undefined): string[]
}

export function cookieWriter(options: ResolvedHttpOptions, set: CookieSet): CookieWriter {
  const { domain, sameSite, partitioned, refreshPath } = options

  /** @param onDomain the attribute `Domain`; null for this host only */
  function write(name: string, value: string, path: string, onDomain: string | null, life: string): string {
    const attributes = [`${name}=${value}`, `Path=${path}`, ...(life === '' ? [] : [life]), 'HttpOnly']
    if (set.secure) attributes.push('Secure')
    // Browsers drop SameSite=None without Secure.
    attributes.push(`SameSite=${!set.secure && sameSite === 'None' ? 'Lax' : sameSite}`)
    if (set.secure && onDomain !== null) attributes.push(`Domain=${onDomain}`)
    if (set.secure && partitioned) attributes.push('Partitioned')
    return attributes.join('; ')
  }

  function lifetimeAttributes({ expiresAt, now }: CookieLifetime): string {
    if (expiresAt === null) return ''
    const seconds = Math.min(MAX_AGE, Math.max(1, Math.floor((expiresAt.getTime() - now) / 1000)))
    return lifetime(seconds, new Date(now + seconds * 1000))
  }

  return {
    set,
    access: (value, life) => write(set.access, value, '/', domain, lifetimeAttributes(life)),
    refresh: (value, life) => write(set.refresh, value, refreshPath, domain, lifetimeAttributes(life)),
    device: (value, now) =>
      write(
        set.device,
        value,
        '/',
        null,
        lifetimeAttributes({ expiresAt: new Date(now + VOUCHES_FOR), now }),
      ),
    signedOut: (now) =>
      write(
        set.device,
        SIGNED_OUT,
        '/',
        null,
        lifetimeAttributes({ expiresAt: new Date(now + 60_000), now }),
      ),
    clearDevice: () => write(set.device, '', '/', null, REMOVED),
    deviceAttributes: write(set.device, '', '/', null, '').replace(/^[^;]*; /, ''),
    clear: () => [
      write(set.access, '', '/', domain, REMOVED),
      write(set.refresh, '', refreshPath, domain, REMOVED),
    ],
    clearStrayRefresh(host) {
      const paths = new Set(['/', options.path])
      const domains = new Set([null, ...parentDomains(host), domain])
      return [...paths].flatMap((path) =>
        [...domains].flatMap((onDomain) =>
          path === refreshPath && onDomain === domain
            ? []
            : [write(set.refresh, '', path, onDomain, REMOVED)],
        ),
      )
    },
  }
}

/** The cookies of an application: which of its two sets an exchange uses. */
export interface Cookies {
  readonly secure: CookieWriter
  of(exchange: Exchange): CookieWriter
}

export function cookiesFor(options: ResolvedHttpOptions): Cookies {
  const secure = cookieWriter(options, options.cookies)
  const local = options.localCookies === null ? null : cookieWriter(options, options.localCookies)
  return {
    secure,
    of: (exchange) => (local !== null && isPlainLocalhost(exchange, options.cookies) ? local : secure),
  }
}

/** For `a.b.example.com`: itself, `b.example.com` and `example.com`. Empty for addresses and single names. */
function parentDomains(host: string | undefined): string[] {
  const name = host?.replace(/:\d+$/, '').toLowerCase() ?? ''
  if (name.length > 253 || !/^(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*$/.test(name)) return []
  const labels = name.split('.')
  return labels
    .slice(0, -1)
    .map((_, index) => labels.slice(index).join('.'))
    .slice(-4)
}

/** Each of these shows that the request came through a proxy. */
const PROXY_HEADERS = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-real-ip',
  'via',
]

/** Whether a header shows that the request came through a proxy. */
export function showsProxy(exchange: Exchange): boolean {
  return PROXY_HEADERS.some((name) => exchange.header(name) !== undefined)
}

/**
 * Whether the request uses plain http on localhost, from this machine and without a proxy: only then may cookies go
 * without `Secure`. A proxy may hide itself. The browser then shows it by the page's origin, or by cookies that it
 * sends over https only.
 */
export function isPlainLocalhost(exchange: Exchange, secure: CookieSet): boolean {
  const host = exchange.header('host') ?? ''
  if (exchange.secure || !isLoopbackHost(host.replace(/:\d+$/, ''))) return false
  if (exchange.peer !== undefined && !isLoopbackAddress(exchange.peer)) return false
  if (showsProxy(exchange)) return false
  for (const page of [exchange.header('origin'), exchange.header('referer')]) {
    if (page !== undefined && URL.canParse(page) && !isLoopbackHost(new URL(page).hostname)) return false
  }
  const header = exchange.header('cookie')
  return [secure.access, secure.refresh].every((name) => cookieValues(header, name).length === 0)
}
