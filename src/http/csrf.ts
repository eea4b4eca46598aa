import { CsrfRejectedError } from '../portable/errors.ts'
import type { Exchange } from './exchange.ts'

/**
 * Whether a request that may change state comes from this site, by the rules of Go's
 * `http.CrossOriginProtection`. If the browser sends `Sec-Fetch-Site`, that header decides. The `Origin` of an
 * older browser must name the requested host. A request with neither header does not come from a web page.
 * The caller decides which requests may change state.
 * @throws CsrfRejectedError
 */
export function assertSameSite(exchange: Exchange, trustedOrigins: ReadonlySet<string>): void {
  const site = exchange.header('sec-fetch-site')
  const origin = exchange.header('origin')
  if (origin !== undefined && trustedOrigins.has(origin)) return
  if (site !== undefined && site !== '') {
    if (site !== 'same-origin' && site !== 'none') throw new CsrfRejectedError('sec-fetch-site')
    return
  }
  if (origin === undefined || origin === '') return
  if (!URL.canParse(origin) || new URL(origin).host !== exchange.header('host'))
    throw new CsrfRejectedError('origin')
}
