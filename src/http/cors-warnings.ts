import { isCrossOrigin, isPreflight } from './cors.ts'
import type { Exchange } from './exchange.ts'
import { pathOf } from './incoming-request.ts'
import type { ResolvedHttpOptions } from './options/resolve.ts'

/** Longest origin in a message. */
const MAX_ORIGIN = 100

/** Warns of settings that make browsers block requests of other origins. */
export interface CorsWarnings {
  inspect(exchange: Exchange, origin: string): void
}

/** @param warn called once for each kind of mistake, with a message that names the header at fault */
export function createCorsWarnings(
  { trustedOrigins, cors, path, sameSite }: ResolvedHttpOptions,
  warn: (message: string) => void,
): CorsWarnings {
  const warned = new Set<string>()

  function warnOnce(kind: string, message: string): void {
    if (warned.has(kind)) return
    warned.add(kind)
    warn(message)
  }

  function inspectRequest(exchange: Exchange, origin: string, isTrusted: boolean): void {
    const page = printable(origin)
    const isOwnRoute = pathOf(exchange.target).startsWith(`${path}/`)
    if (isPreflight(exchange) && isOwnRoute && !(cors && isTrusted)) {
      warnOnce(
        'preflight',
        `The browser blocks a page of ${page} that calls the session routes, because the response has no Access-Control-Allow-Origin header. ${
          isTrusted ? 'Set `cors: true`.' : 'If the page is yours, add its origin to `trustedOrigins`.'
        }`,
      )
    }
    if (isTrusted && sameSite !== 'None' && exchange.header('sec-fetch-site') === 'cross-site') {
      warnOnce(
        'same-site',
        `The browser sends no cookies from a page of ${page}, because it is on another site and the cookies have SameSite=${sameSite}. Set \`cookies.sameSite\` to 'none'.`,
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
            `The browser blocks the response to a page of ${page}, because Access-Control-Allow-Origin is missing. Set \`cors: true\`.`,
          )
      } else if (allowed !== origin) {
        warnOnce(
          'allow-origin',
          `The browser blocks the response to a page of ${page} that sends cookies, because Access-Control-Allow-Origin is ${
            allowed === '*' ? '`*`' : 'another origin'
          }. Send the origin itself, or set \`cors: true\`.`,
        )
      } else if (head.get('access-control-allow-credentials') !== 'true') {
        warnOnce(
          'allow-credentials',
          `The browser blocks the response to a page of ${page} that sends cookies, because Access-Control-Allow-Credentials is missing. Send \`true\`, or set \`cors: true\`.`,
        )
      }
    })
  }

  return {
    inspect(exchange, origin) {
      if (!isCrossOrigin(exchange, origin)) return
      const isTrusted = trustedOrigins.has(origin)
      inspectRequest(exchange, origin, isTrusted)
      if (isTrusted && !cors) inspectResponse(exchange, origin)
    },
  }
}

/** Logs get the normalized origin, cut to a bounded length. */
function printable(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).origin.slice(0, MAX_ORIGIN) : 'an unknown origin'
}
