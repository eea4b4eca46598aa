import type { Clock } from '../core/time/clock.ts'
import { RESUMED_PARAMETER } from '../wire/names.ts'
import type { Exchange, Reply } from './exchange.ts'
import { pathOf } from './incoming-request.ts'
import { isNavigation, isPageLoad } from './page-load.ts'
import { createReply, NO_CACHING, setCookieHeaders } from './reply.ts'

/*
 * A document navigation with an expired access token goes through the refresh route and comes back, so that a page
 * needs no script to stay signed in. A marker in the query prevents a second round: if the browser stores no
 * cookies, the visitor sees a page, not a redirect loop. The gate of the page takes the marker out of the address again,
 * unless the refresh route had nothing to refresh: then a cache or another process may start the same round again.
 */

/** How long a marker counts, in ms: a bookmarked marker must not prevent a later refresh. */
const MARKER_LIFETIME = 60_000
/** Ends the marker of a page load whose access token is valid for the refresh route. */
export const NOT_REFRESHED = '_'
/** Ends the marker of a page load whose refresh token has an unknown secret. */
export const UNKNOWN_SECRET = '-'
/** Its lifetime, in ms: a process with the secret may be the next to answer. */
const UNKNOWN_SECRET_LIFETIME = 15_000
const MAX_TARGET = 4096
const BASE = 'http://pawl.invalid'

/** Whether a navigation can go through the refresh route, and has not just been there. */
export function mayResume({ target }: Exchange, now: number): boolean {
  const to = safePath(target)
  return to !== null && !isMarked(to, now)
}

/** Sends the navigation through the refresh route; null if it has just been there. */
export function redirectThroughRefresh(exchange: Exchange, refreshRoute: string, now: number): Reply | null {
  const to = safePath(exchange.target)
  if (to === null || isMarked(to, now)) return null
  return redirect(`${refreshRoute}?to=${encodeURIComponent(to)}`)
}

/**
 * Makes the browser repeat a request that was refreshed inline, for answers that may begin too late to set cookies;
 * null if it has just repeated it. The URL of a script's fetch gets no marker, since the page may show that URL.
 * Browsers end such a loop themselves.
 */
export function redirectToSame(exchange: Exchange, now: number): Reply | null {
  const to = safePath(exchange.target)
  if (to === null || isMarked(to, now)) return null
  const isFetch = exchange.header('sec-fetch-dest') === 'empty' && !isPageLoad(exchange)
  return redirect(isFetch ? to : withMarker(to, now))
}

/**
 * Sends the browser from the refresh route back to its page, with a marker.
 * @param ending why there was no refresh: only the page knows whether it needs a session; empty by default
 */
export function redirectBack(
  target: string,
  now: number,
  cookies: readonly string[],
  ending: '' | typeof NOT_REFRESHED | typeof UNKNOWN_SECRET = '',
): Reply {
  const requested = new URL(target, BASE).searchParams.get('to')
  const to = (requested === null ? null : safePath(requested)) ?? '/'
  return redirect(withMarker(to, now, ending), cookies)
}

/** Whether the refresh route has just sent the browser back, because it does not know the secret of its token. */
export function isBackWithUnknownSecret(exchange: Exchange, now: number): boolean {
  const to = safePath(exchange.target)
  return to !== null && isMarked(to, now, UNKNOWN_SECRET)
}

/**
 * Sends a page load to its address without the marker; null if it has none that may go. The caller makes sure that the browser
 * has stored its cookies: the next request has no marker to end a loop.
 */
export function redirectUnmarked(exchange: Exchange, clock: Pick<Clock, 'now'>): Reply | null {
  if (!exchange.target.includes(RESUMED_PARAMETER) || !isNavigation(exchange)) return null
  const now = clock.now()
  const to = safePath(exchange.target)
  if (to === null || isMarked(to, now, NOT_REFRESHED) || isMarked(to, now, UNKNOWN_SECRET)) return null
  const unmarked = withoutMarker(to)
  return unmarked === to ? null : redirect(unmarked)
}

/**
 * Whether a path has a fresh marker, with this ending if one is given. A link may hold an old marker in a spelling that
 * {@link withoutMarker} does not know, so any of them may be fresh.
 */
function isMarked(path: string, now: number, ending = ''): boolean {
  return new URL(path, BASE).searchParams.getAll(RESUMED_PARAMETER).some((marker) => {
    const lifetime = marker.endsWith(UNKNOWN_SECRET) ? UNKNOWN_SECRET_LIFETIME : MARKER_LIFETIME
    return marker.endsWith(ending) && Math.abs(now - Number.parseInt(marker, 36) * 1000) < lifetime
  })
}

function withMarker(path: string, now: number, ending = ''): string {
  const unmarked = withoutMarker(path)
  const marker = `${RESUMED_PARAMETER}=${Math.floor(now / 1000).toString(36)}${ending}`
  return `${unmarked}${unmarked.includes('?') ? '&' : '?'}${marker}`
}

/** Edits the text: a parsed query may be written with another spelling, which breaks signed URLs. */
function withoutMarker(path: string): string {
  const start = path.indexOf('?')
  if (start === -1) return path
  const parts = path.slice(start + 1).split('&')
  const query = parts.filter((part) => !part.startsWith(`${RESUMED_PARAMETER}=`)).join('&')
  return path.slice(0, start) + (query === '' ? '' : `?${query}`)
}

/** A path on this origin, normalized; null for text that a browser could read as another origin. */
export function safePath(target: string): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
  if (target.length > MAX_TARGET || !target.startsWith('/') || /[\u0000-\u001f\u007f]/.test(target))
    return null
  const path = pathOf(target)
  const url = URL.canParse(target, BASE) ? new URL(target, BASE) : null
  if (url?.origin !== BASE) return null
  // Decoded, because a proxy may decode it. Normalized too, because removing dot segments can bring a slash to
  // the front. The query is left as it is: no browser reads an origin from it.
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

/** The refresh route again, for a browser that proves itself meanwhile; null if it has just been asked to. */
export function resumeAgain(target: string, now: number): string | null {
  return isMarked(target, now) ? null : withMarker(target, now)
}

function redirect(location: string, cookies: readonly string[] = []): Reply {
  return createReply(303, [
    ['location', location],
    ['referrer-policy', 'same-origin'],
    ...NO_CACHING,
    ...setCookieHeaders(cookies),
  ])
}
