import { isProduction } from '../core/environment.ts'
import { isLoopbackHost } from '../portable/loopback.ts'
import { cookieValues } from '../wire/credentials.ts'
import { showsProxy } from './cookies.ts'
import type { Exchange } from './exchange.ts'
import type { IncomingRequest } from './incoming-request.ts'
import { oncePerEngine } from './once-per-engine.ts'
import { warnOfSetting } from './setting-warnings.ts'

/** A host that may stand in a log line. */
const PRINTABLE_HOST = /^[\w.:[\]-]{1,100}$/

const isFirst = oncePerEngine()

/**
 * Warns once of a sign-in over plain http at another host than localhost, outside of production. Browsers drop `Secure` cookies
 * there, so the user is signed out at the next request.
 */
export function warnOfDroppedCookies<Claims extends object, Data>({
  engine,
  exchange,
  cookies,
}: IncomingRequest<Claims, Data>): void {
  if (!cookies.set.secure || isProduction()) return
  const host = exchange.header('host') ?? ''
  const names = [cookies.set.access, cookies.set.refresh]
  if (host === '' || isLoopbackHost(host.replace(/:\d+$/, '')) || mayBeEncrypted(exchange, host, names))
    return
  if (!isFirst(engine)) return
  const site = PRINTABLE_HOST.test(host) ? `http://${host}` : 'this host'
  warnOfSetting(
    engine,
    'cookiesDropped',
    `Browsers drop the session cookies of ${site}, because the cookies are \`Secure\` and the connection is plain http. Open the application as http://localhost, or serve it over https.`,
  )
}

/** Whether something shows https in front of this server. A proxy may hide itself; the browser then shows it. */
function mayBeEncrypted(exchange: Exchange, host: string, names: readonly string[]): boolean {
  if (exchange.secure || (showsProxy(exchange) && !isFromNext(exchange, host))) return true
  const pages = [exchange.header('origin'), exchange.header('referer')].filter((page) => page !== undefined)
  if (pages.some((page) => page.startsWith('https:'))) return true
  if (pages.some((page) => URL.canParse(page) && new URL(page).host === host)) return false
  // Browsers send this header, like `Secure` cookies, to https and localhost alone.
  if (exchange.header('sec-fetch-site') !== undefined) return true
  return names.some((name) => cookieValues(exchange.header('cookie'), name).length > 0)
}

/** Next adds the headers of a proxy to every request. */
function isFromNext(exchange: Exchange, host: string): boolean {
  return (
    exchange.header('x-forwarded-proto') === 'http' &&
    exchange.header('x-forwarded-host') === host &&
    ['forwarded', 'via', 'x-real-ip'].every((name) => exchange.header(name) === undefined)
  )
}
