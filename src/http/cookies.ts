import { cookieValues } from '../wire/credentials.ts'
import type { Exchange } from './exchange.ts'
import type { CookieSet, ResolvedHttpOptions } from './options.ts'

/** Browsers keep no cookie for longer (RFC 6265bis section 5.5), so none is promised. Seconds. */
const MAX_AGE = 400 * 86_400

/** What a cookie is written with. */
export interface CookieLife {
  /** When it goes; null for the end of the browser session. */
  readonly expiresAt: Date | null
  readonly now: number
}

/** Writes the cookies of one exchange: secure ones, or those for plain localhost. */
export interface CookieWriter {
  readonly set: CookieSet
  access(value: string, life: CookieLife): string
  refresh(value: string, life: CookieLife): string
  /** Removes both. */
  clear(): string[]
  /** Removes refresh cookies that other settings, past or a sibling's, may have left. */
  clearStrayRefresh(host: string | undefined): string[]
}

export function cookieWriter(options: ResolvedHttpOptions, set: CookieSet): CookieWriter {
  const { domain, sameSite, partitioned, refreshPath } = options

  const write = (name: string, value: string, path: string, onDomain: string | null, life: string): string =>
    `${name}=${value}; Path=${path}${life}; HttpOnly${set.secure ? '; Secure' : ''}; SameSite=${
      // Browsers drop SameSite=None without Secure.
      !set.secure && sameSite === 'None' ? 'Lax' : sameSite
    }${onDomain === null || !set.secure ? '' : `; Domain=${onDomain}`}${partitioned && set.secure ? '; Partitioned' : ''}`

  const alive = ({ expiresAt, now }: CookieLife): string => {
    if (expiresAt === null) return ''
    const seconds = Math.min(MAX_AGE, Math.max(1, Math.floor((expiresAt.getTime() - now) / 1000)))
    return `; Max-Age=${seconds}; Expires=${new Date(now + seconds * 1000).toUTCString()}`
  }
  const gone = '; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT'

  return {
    set,
    access: (value, life) => write(set.access, value, '/', domain, alive(life)),
    refresh: (value, life) => write(set.refresh, value, refreshPath, domain, alive(life)),
    clear: () => [
      write(set.access, '', '/', domain, gone),
      write(set.refresh, '', refreshPath, domain, gone),
    ],
    clearStrayRefresh(host) {
      const paths = new Set(['/', options.path])
      const domains = new Set([null, ...parentDomains(host), domain])
      return [...paths].flatMap((path) =>
        [...domains].flatMap((onDomain) =>
          path === refreshPath && onDomain === domain ? [] : [write(set.refresh, '', path, onDomain, gone)],
        ),
      )
    },
  }
}

/** `a.b.example.com` and above, down to two labels; nothing for addresses and single names. */
function parentDomains(host: string | undefined): string[] {
  const name = host?.replace(/:\d+$/, '').toLowerCase() ?? ''
  if (name.length > 253 || !/^(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*$/.test(name)) return []
  const labels = name.split('.')
  return labels
    .slice(0, -1)
    .map((_, index) => labels.slice(index).join('.'))
    .slice(-4)
}

const LOOPBACK_HOST = /^(?:localhost|[\w-]+\.localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i
export const LOOPBACK_ADDRESS: RegExp = /^(?:::1|(?:::ffff:)?127(?:\.\d{1,3}){3})$/i
/** Any of these tells of a proxy. */
const PROXY_HEADERS = [
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-real-ip',
  'via',
]

/**
 * Plain http on localhost, asked for from this machine without a proxy in between: the one place where
 * cookies may go without `Secure`. A proxy that hides itself is known by what the browser says: where the
 * page came from, or cookies it only sends over https.
 */
export function isPlainLocalhost(exchange: Exchange, secure: CookieSet): boolean {
  if (exchange.secure || !LOOPBACK_HOST.test(exchange.header('host') ?? '')) return false
  if (exchange.peer !== undefined && !LOOPBACK_ADDRESS.test(exchange.peer)) return false
  if (PROXY_HEADERS.some((name) => exchange.header(name) !== undefined)) return false
  for (const page of [exchange.header('origin'), exchange.header('referer')]) {
    if (page !== undefined && URL.canParse(page) && !LOOPBACK_HOST.test(new URL(page).host)) return false
  }
  const header = exchange.header('cookie')
  return [secure.access, secure.refresh].every((name) => cookieValues(header, name).length === 0)
}
