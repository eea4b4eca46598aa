import type { Exchange } from './exchange.ts'

/*
 * A service worker that passes a page load on changes its headers. With `fetch(event.request)` Chromium and WebKit keep the
 * mode `navigate`, and Firefox sends `same-origin`, as Chromium does if the worker gives `fetch` options. The destination is
 * always `empty`. Firefox and WebKit also send `Sec-Fetch-Site: same-origin`, whoever has started the page load. No page can
 * ask for the mode `navigate`, and no page of another origin for `same-origin` (Fetch standard). A frame of the same site
 * looks alike behind a worker; a frame of another site is beyond the worker's reach.
 */

/** Whether the browser is loading a page by a GET, as far as its headers say. */
export function isNavigation(exchange: Exchange): boolean {
  return exchange.method === 'GET' && isPageLoad(exchange)
}

/** Whether the browser shows the answer as a page. A form is a page load too. */
export function isPageLoad(exchange: Exchange): boolean {
  const mode = exchange.header('sec-fetch-mode')
  if (mode === undefined) return exchange.header('accept')?.includes('text/html') === true
  const destination = exchange.header('sec-fetch-dest')
  if (mode === 'navigate') return destination === 'document' || destination === 'empty'
  return mode === 'same-origin' && destination === 'empty' && hasHeadersOfPageLoad(exchange)
}

/** Whether the request has the other headers of a page load, which a script sends only if it sets both: htmx sets one. */
export function hasHeadersOfPageLoad(exchange: Exchange): boolean {
  return (
    exchange.header('upgrade-insecure-requests') === '1' &&
    /^\s*text\/html\s*(?:[,;]|$)/i.test(exchange.header('accept') ?? '')
  )
}

/** Whether a page may treat the request as a visitor's, because its refresh token has an unknown secret. */
export function isVisitorsPage(exchange: Exchange, { code }: { readonly code: string }): boolean {
  return code === 'ERR_SECRET_UNKNOWN' && isPageLoad(exchange)
}
