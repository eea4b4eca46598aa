import type { Exchange } from './exchange.ts'

/** Labels of a host as browsers write it: lower case, ASCII, no `*`. A dot may end it. */
const HOST = /^(?=.{1,254}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?$/
/** `https://`, a host and a port. */
const MAX_ORIGIN = 270
/** Schemes that belong to no application. Pages of most of them have the origin `null`. */
const NO_APPLICATION = /^(?:about|blob|data|file|filesystem|ftp|javascript|wss?):/

/**
 * Whether a text is an `Origin` that a browser can send: `https://app.example.com`, or that of an extension or of an
 * application in a web view, such as `capacitor://localhost`. Not `null`.
 */
export function isOrigin(text: unknown): text is string {
  if (typeof text !== 'string' || text.length > MAX_ORIGIN || !URL.canParse(text)) return false
  const { protocol, host, hostname } = new URL(text)
  if (`${protocol}//${host}` !== text || NO_APPLICATION.test(protocol)) return false
  // Electron applications often load `app://./index.html`.
  return hostname.startsWith('[') || HOST.test(hostname) || (!isWeb(protocol) && hostname === '.')
}

/** Whether the origin of a web page names the requested host. Another scheme is another origin, whatever its host. */
export function isOfHost(origin: string, host: string | undefined): boolean {
  if (!URL.canParse(origin)) return false
  const page = new URL(origin)
  return isWeb(page.protocol) && page.host === host
}

function isWeb(protocol: string): boolean {
  return protocol === 'https:' || protocol === 'http:'
}

/**
 * Whether a page of another origin sent the request. `Sec-Fetch-Site` decides; without it, the host of the origin does.
 * `none`: the user sent it, by the address bar for example.
 */
export function isFromOtherOrigin(exchange: Exchange, origin: string): boolean {
  const site = exchange.header('sec-fetch-site')
  if (site !== undefined && site !== '') return site !== 'same-origin' && site !== 'none'
  return !isOfHost(origin, exchange.header('host'))
}

/** Domains like `co.uk`, under which everybody can have a site. */
const SHARED_DOMAIN = /^[a-z]{2,3}\.[a-z]{2}$/

/**
 * The host of an origin, without its port, if it and the requested host have a parent domain in common.
 * @returns null also where that is not certain
 */
export function hostOfSite(origin: string, host: string): string | null {
  if (!URL.canParse(origin) || !URL.canParse(`https://${host}`)) return null
  const { hostname: own } = new URL(`https://${host}`)
  const { protocol, hostname } = new URL(origin)
  const parent = own.slice(own.indexOf('.') + 1)
  if (!isWeb(protocol) || hostname === own || /[\d\]]$/.test(own)) return null
  if (hostname.endsWith(`.${own}`)) return hostname
  if (!parent.includes('.') || SHARED_DOMAIN.test(parent)) return null
  return hostname === parent || hostname.endsWith(`.${parent}`) ? hostname : null
}
