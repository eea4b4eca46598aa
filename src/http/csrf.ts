import { CsrfRejectedError } from '../portable/errors.ts'
import type { Exchange } from './exchange.ts'

/**
 * Whether a request that may change state comes from this site: the rules of Go's
 * `http.CrossOriginProtection`. `Sec-Fetch-Site` decides where the browser sends it; older browsers'
 * `Origin` must name the host that was asked. Requests with neither are not from a browser's page.
 * Which requests may change state is for the caller to say.
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

export function isSafeMethod({ method }: Exchange): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}
