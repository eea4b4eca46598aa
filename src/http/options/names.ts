import { isLoopbackHost } from '../../portable/loopback.ts'
import { check } from '../../portable/options/check.ts'
import type { OptionValue } from '../../portable/options/option.ts'
import { text } from '../../portable/options/values.ts'
import { isOrigin } from '../origin.ts'

/*
 * Names that an option takes are compared with what browsers send. A spelling that browsers never send is refused, because
 * it would be ignored without a word. The error gives the right spelling where there is one.
 */

const ROUTE_PATH = /^(?=.{1,255}$)(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/
const DOMAIN = /^(?=.{1,253}$)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+$/i

/** A path below which Pawl serves its routes. Browsers resolve `.` and `..` before they send a path. */
export function routePath(): OptionValue {
  return text("an absolute path without a trailing slash, like '/session'", ROUTE_PATH)
}

/** The attribute `Domain` of a cookie. */
export function cookieDomain(): OptionValue {
  const takes = "a domain like 'example.com', without a leading dot"
  return {
    takes,
    check(option, value) {
      if (typeof value === 'string' && DOMAIN.test(value)) return value
      const domain = typeof value === 'string' ? hostOf(value.trim().replace(/^\./, '')) : null
      return check.fail(option, value, domain !== null && DOMAIN.test(domain) ? `'${domain}'` : takes)
    },
  }
}

/** Exact origins, or a function that decides about each. */
export function trustedOrigins(): OptionValue {
  const takes =
    "an array of exact origins like 'https://app.example.com' or 'capacitor://localhost', without a path, or a function of an origin"
  return {
    takes,
    check(option, value) {
      if (typeof value === 'function') return value
      if (!Array.isArray(value)) return check.fail(option, value, takes)
      for (const [index, origin] of value.entries())
        if (!isOrigin(origin)) check.fail(`${option}[${index}]`, origin, exactOrigin(origin))
      return value
    },
  }
}

/** What to write in place of an origin that no browser sends. */
function exactOrigin(given: unknown): string {
  const text = typeof given === 'string' ? given.trim() : ''
  if (text.includes('*'))
    return 'exact origins without `*`; for many origins, give a function of the origin instead of the array'
  const like = "an exact origin like 'https://app.example.com'"
  if (/^(?:null$|file:)/i.test(text))
    return `${like}; browsers send \`null\` for files, and for sandboxed frames of any site`
  const origin = webOriginOf(text) ?? applicationOriginOf(text)
  return origin === null ? like : `the exact origin '${origin}'`
}

function webOriginOf(text: string): string | null {
  const host = hostOf(text)
  if (host === null) return null
  const assumed = isLoopbackHost(host) ? 'http' : 'https'
  const { origin } = new URL(hasScheme(text) ? text : `${assumed}://${text}`)
  return isOrigin(origin) ? origin : null
}

/** The origin `capacitor://localhost` of texts like `Capacitor://localhost/` and `capacitor:localhost`. */
function applicationOriginOf(text: string): string | null {
  const [, scheme = '', host = ''] = /^([a-z][a-z0-9+.-]*):\/*([^/?#]+)/i.exec(text) ?? []
  const origin = `${scheme}://${host.replace(/:$/, '')}`.toLowerCase()
  return isOrigin(origin) ? origin : null
}

/** The host of an origin, a URL or a name, as browsers write it; null if the scheme is not http(s). */
function hostOf(text: string): string | null {
  const url = hasScheme(text) ? text : `https://${text}`
  return /^https?:/i.test(url) && URL.canParse(url) ? new URL(url).hostname : null
}

function hasScheme(text: string): boolean {
  return /^[^/\\?#]*:[/\\]/.test(text)
}
