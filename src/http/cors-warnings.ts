import { isLoopbackHost } from '../portable/loopback.ts'
import { isPreflight } from './cors.ts'
import type { Exchange } from './exchange.ts'
import { pathOf } from './incoming-request.ts'
import type { ResolvedHttpOptions } from './options/resolve.ts'
import { isFromOtherOrigin, isOrigin } from './origin.ts'
import type { SettingWarning } from './setting-warnings.ts'

/** Longest origin in a message. */
const MAX_ORIGIN = 100
/** Strangers choose origins, so they could fill the memory and the log. */
const MAX_ORIGINS = 100

const SEND_CORS = 'Set `cors: true`, or mount your own CORS middleware before Pawl.'

/** Warns of settings that make browsers block requests of other origins, or Pawl refuse them. */
export interface CorsWarnings {
  /** @param isTrusted whether `origin`, that of the request, is one of `trustedOrigins` */
  inspect(exchange: Exchange, origin: string, isTrusted: boolean): void
  /** Reports a request that was refused for its origin, once for each origin. */
  refused(origin: string | undefined): void
}

/** @param warn called once for each kind of mistake or each origin, with a message that names the setting at fault */
export function createCorsWarnings(
  { cors, path, sameSite, localCookies }: ResolvedHttpOptions,
  warn: (event: SettingWarning, message: string) => void,
): CorsWarnings {
  const warned = new Set<string>()
  const origins = new Set<string>()

  function warnOnce(kind: string, event: SettingWarning, message: string): void {
    if (warned.has(kind)) return
    warned.add(kind)
    warn(event, message)
  }

  function refused(origin: string | undefined): void {
    const page = printable(origin ?? '')
    if (origins.has(page) || origins.size > MAX_ORIGINS) return
    origins.add(page)
    if (origins.size > MAX_ORIGINS)
      warn(
        'originRefused',
        `Pages of more than ${MAX_ORIGINS} origins were refused. Further origins are not reported.`,
      )
    else if (page === UNKNOWN)
      warn(
        'originRefused',
        'A request from a page without an origin of its own was refused: of a file, a sandboxed frame, or after a redirect from another site. `trustedOrigins` cannot hold such a page.',
      )
    else
      warn(
        'originRefused',
        `A request from a page of ${page} was refused, because its origin is not in \`trustedOrigins\`. If the page is yours, add the origin, or let the function \`trustedOrigins\` return true for it. If this server itself sent the page, a proxy changes the \`Host\` header: let it pass the header unchanged.`,
      )
  }

  function inspectRequest(exchange: Exchange, origin: string, isTrusted: boolean): void {
    const page = printable(origin)
    const isOwnRoute = pathOf(exchange.target).startsWith(`${path}/`)
    // With `cors`, no other part of the application answers preflights.
    if (isPreflight(exchange) && !isTrusted && (isOwnRoute || cors)) refused(origin)
    if (isPreflight(exchange) && isOwnRoute && isTrusted && !cors) {
      warnOnce(
        'preflight',
        'corsBlocked',
        `The browser blocks a page of ${page} that calls the session routes, because the response has no Access-Control-Allow-Origin header. ${SEND_CORS}`,
      )
    }
    if (!isTrusted || exchange.header('sec-fetch-site') !== 'cross-site') return
    if (localCookies !== null && isPlainLoopback(exchange, origin)) {
      warnOnce(
        'same-site',
        'cookiesNotSent',
        `The browser sends no cookies from a page of ${page}, because it calls this machine by another name. Use one name for both, such as http://localhost. \`sameSite: 'none'\` changes nothing on plain http.`,
      )
    } else if (sameSite !== 'None') {
      warnOnce(
        'same-site',
        'cookiesNotSent',
        `The browser sends no cookies from a page of ${page}, because it is on another site and the cookies have SameSite=${sameSite}. Set \`cookies.sameSite\` to 'none', and \`partitioned\` to true for browsers that block third-party cookies. Both need https.`,
      )
    }
  }

  /** An application that sends the CORS headers itself may send wrong ones. */
  function inspectResponse(exchange: Exchange, origin: string): void {
    exchange.beforeHead((head) => {
      const page = printable(origin)
      const allowed = head.get('access-control-allow-origin')
      if (allowed === undefined) {
        // A script reads the response. A form does not, and needs no permission.
        if (exchange.header('sec-fetch-mode') === 'cors')
          warnOnce(
            'allow-origin',
            'corsBlocked',
            `The browser blocks the response to a page of ${page}, because Access-Control-Allow-Origin is missing. ${SEND_CORS}`,
          )
      } else if (allowed !== origin) {
        warnOnce(
          'allow-origin',
          'corsBlocked',
          `The browser blocks the response to a page of ${page} that sends cookies, because Access-Control-Allow-Origin is ${
            allowed === '*' ? '`*`' : 'another origin'
          }. Send the origin itself, or set \`cors: true\`.`,
        )
      } else if (head.get('access-control-allow-credentials') !== 'true') {
        warnOnce(
          'allow-credentials',
          'corsBlocked',
          `The browser blocks the response to a page of ${page} that sends cookies, because Access-Control-Allow-Credentials is missing. Send \`true\`, or set \`cors: true\`.`,
        )
      }
    })
  }

  return {
    refused,
    inspect(exchange, origin, isTrusted) {
      if (!isFromOtherOrigin(exchange, origin)) return
      inspectRequest(exchange, origin, isTrusted)
      if (isTrusted && !cors) inspectResponse(exchange, origin)
    },
  }
}

/** Whether page and server are both on this machine, over plain http: cookies without `Secure` cannot be SameSite=None. */
function isPlainLoopback(exchange: Exchange, origin: string): boolean {
  const host = exchange.header('host')?.replace(/:\d+$/, '') ?? ''
  const isLoopbackPage =
    /^https?:/.test(origin) && URL.canParse(origin) && isLoopbackHost(new URL(origin).hostname)
  return !exchange.secure && isLoopbackPage && isLoopbackHost(host)
}

const UNKNOWN = 'an unknown origin'

/** Logs get the normalized origin, cut to a bounded length. */
function printable(origin: string): string {
  if (isOrigin(origin)) return origin.slice(0, MAX_ORIGIN)
  const normalized = URL.canParse(origin) ? new URL(origin).origin : 'null'
  return normalized === 'null' ? UNKNOWN : normalized.slice(0, MAX_ORIGIN)
}
