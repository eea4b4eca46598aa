import { RESUMED_PARAMETER } from '../wire/names.ts'
import { type Exchange, NO_CACHING, pathOf, type Reply, setCookieHeaders } from './exchange.ts'

/**
 * Document navigations with an expired access token go through the refresh route and come back, so
 * that a page needs no script to stay signed in. A marker in the query stops a second round: where the
 * browser stores no cookies, the visitor sees a page, not a loop.
 */

/** How long a marker counts, in ms; a bookmarked one must not block the next time. */
const MARKER_LIFE = 60_000
const MAX_TARGET = 4096
const BASE = 'http://pawl.invalid'
const OLD_MARKER = new RegExp(`([?&])${RESUMED_PARAMETER}=[^&]*(&?)`, 'g')

/** Whether the browser is loading a page, as far as its headers say. */
export function isNavigation(exchange: Exchange): boolean {
  if (exchange.method !== 'GET') return false
  const mode = exchange.header('sec-fetch-mode')
  if (mode !== undefined) return mode === 'navigate' && exchange.header('sec-fetch-dest') === 'document'
  return exchange.header('accept')?.includes('text/html') === true
}

/** Sends the navigation through the refresh route; null when it has just been there. */
export function resumeReply(exchange: Exchange, refreshRoute: string, now: number): Reply | null {
  // First of all: what it lets through is a URL, and a request's target need not be one.
  const to = safePath(exchange.target)
  if (to === null) return null
  return isMarked(to, now) ? null : redirect(`${refreshRoute}?to=${encodeURIComponent(to)}`)
}

/**
 * Has a request that was renewed inline come again, where the answer to it may begin too late for cookies;
 * null when it has just done that. What a script fetches is not marked, as its page may show the URL, and
 * browsers end a loop there themselves.
 */
export function repeatReply(exchange: Exchange, now: number): Reply | null {
  const to = safePath(exchange.target)
  if (to === null || isMarked(to, now)) return null
  return redirect(exchange.header('sec-fetch-dest') === 'empty' ? to : marked(to, now))
}

/** Where the refresh route sends the browser back to, marked. */
export function returnReply(target: string, now: number, cookies: readonly string[]): Reply {
  const wanted = new URL(target, BASE).searchParams.get('to')
  const to = (wanted === null ? null : safePath(wanted)) ?? '/'
  return redirect(marked(to, now), cookies)
}

function isMarked(path: string, now: number): boolean {
  const marker = new URL(path, BASE).searchParams.get(RESUMED_PARAMETER)
  return marker !== null && Math.abs(now - Number.parseInt(marker, 36) * 1000) < MARKER_LIFE
}

function marked(path: string, now: number): string {
  // As text: parsing the query and writing it again would change its spelling, which a signed URL does not survive.
  const unmarked = path.replace(OLD_MARKER, (_, before: string, after: string) =>
    after === '' ? '' : before,
  )
  const marker = `${RESUMED_PARAMETER}=${Math.floor(now / 1000).toString(36)}`
  return `${unmarked}${unmarked.includes('?') ? '&' : '?'}${marker}`
}

/** A path on this origin, normalized; null for anything a browser could read as another origin. */
export function safePath(target: string): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
  if (target.length > MAX_TARGET || !target.startsWith('/') || /[\u0000-\u001f\u007f]/.test(target))
    return null
  const path = pathOf(target)
  const url = URL.canParse(target, BASE) ? new URL(target, BASE) : null
  if (url?.origin !== BASE) return null
  // Decoded, because somebody on the way may; normalized too, as removing dot segments can bring a slash to
  // the front. The query is left as it is: a browser never takes it for an origin.
  for (const text of [path, decodePath(path), decodePath(url.pathname)]) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
    if (text === null || /^\/\/|[\\\u0000-\u001f\u007f]/.test(text)) return null
  }
  return url.pathname + url.search
}

function decodePath(path: string): string | null {
  try {
    return decodeURIComponent(path)
  } catch {
    return null
  }
}

function redirect(location: string, cookies: readonly string[] = []): Reply {
  return {
    status: 303,
    headers: [
      ['location', location],
      ['referrer-policy', 'same-origin'],
      ...NO_CACHING,
      ...setCookieHeaders(cookies),
    ],
    body: null,
  }
}
