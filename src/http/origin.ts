import type { Exchange } from './exchange.ts'

/** Labels of a host as browsers write it: lower case, ASCII, no `*`. A dot may end it. */
const HOST = /^(?=.{1,254}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?$/
/** `https://`, a host and a port. */
const MAX_ORIGIN = 270

/** Whether a text is an `Origin` that the browser of a web page can send: `https://app.example.com`, not `null`. */
export function isOrigin(text: unknown): text is string {
  if (typeof text !== 'string' || text.length > MAX_ORIGIN || !URL.canParse(text)) return false
  const { origin, hostname } = new URL(text)
  return origin === text && /^https?:/.test(text) && (hostname.startsWith('[') || HOST.test(hostname))
}

/**
 * Whether a page of another origin sent the request. `Sec-Fetch-Site` decides; without it, the host of the origin does.
 * `none`: the user sent it, by the address bar for example.
 */
export function isFromOtherOrigin(exchange: Exchange, origin: string): boolean {
  const site = exchange.header('sec-fetch-site')
  if (site !== undefined && site !== '') return site !== 'same-origin' && site !== 'none'
  return !URL.canParse(origin) || new URL(origin).host !== exchange.header('host')
}
