import { CSRF_HEADER, TRANSPORT_HEADER } from '../wire/names.ts'
import { addName, type Exchange, pathOf, type Reply, type ResponseHead } from './exchange.ts'
import type { ResolvedHttpOptions } from './options.ts'

/** How long a browser may remember the answer to a preflight, in seconds; Chromium's upper bound. */
const REMEMBER = 7200
/** What a client has to be able to read besides what every page may. */
const EXPOSED = 'Retry-After'
/** Requested headers that a preflight allows whatever the application says. */
const OURS = ['authorization', 'content-type', CSRF_HEADER, TRANSPORT_HEADER]
const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE'

/**
 * Lets pages of the `trustedOrigins` call this one with its cookies (Fetch standard, "CORS protocol").
 * Exact origins only: with credentials `*` means nothing.
 */
export interface Cors {
  /** Looks at a request before anything else. @returns the answer to a preflight, else null */
  open(exchange: Exchange): Reply | null
}

/** @param warn hears of each kind of mistake once, with the header that is at fault */
export function createCors(options: ResolvedHttpOptions, warn: (message: string) => void): Cors {
  const { trustedOrigins, cors, path, sameSite } = options
  const said = new Set<string>()

  function warnOnce(kind: string, message: string): void {
    if (said.has(kind)) return
    said.add(kind)
    warn(message)
  }

  function warnOfMistakes(exchange: Exchange, origin: string, trusted: boolean): void {
    const from = shown(origin)
    if (isPreflight(exchange) && pathOf(exchange.target).startsWith(`${path}/`) && (!cors || !trusted)) {
      warnOnce(
        'preflight',
        trusted
          ? `a page of ${from} wants to use the sessions, and no Access-Control-Allow-Origin lets it: set \`cors: true\``
          : `a page of ${from} wants to use the sessions, and no Access-Control-Allow-Origin lets it: if it is yours, add it to \`trustedOrigins\``,
      )
    }
    if (trusted && sameSite !== 'None' && exchange.header('sec-fetch-site') === 'cross-site') {
      warnOnce(
        'same-site',
        `a page of ${from} is of another site, and cookies with SameSite=${sameSite} are not sent from there: set \`cookies.sameSite\` to 'none'`,
      )
    }
  }

  /** An application that sends the headers itself may send the wrong ones. */
  function watchHead(exchange: Exchange, origin: string): void {
    exchange.beforeHead((head) => {
      const allowed = head.get('access-control-allow-origin')
      if (allowed === undefined) {
        // Only where a script wants to read the answer: a form needs no leave.
        if (exchange.header('sec-fetch-mode') === 'cors')
          warnOnce(
            'allow-origin',
            `Access-Control-Allow-Origin is missing for a page of ${shown(origin)}: its browser blocks the answer; set \`cors: true\``,
          )
      } else if (allowed !== origin) {
        warnOnce(
          'allow-origin',
          `Access-Control-Allow-Origin is ${allowed === '*' ? '`*`' : 'another origin'} for a page of ${shown(origin)} that sends cookies: its browser blocks the answer; name the origin, or set \`cors: true\``,
        )
      } else if (head.get('access-control-allow-credentials') !== 'true') {
        warnOnce(
          'allow-credentials',
          `Access-Control-Allow-Credentials is missing for a page of ${shown(origin)} that sends cookies: its browser blocks the answer; send \`true\`, or set \`cors: true\``,
        )
      }
    })
  }

  return {
    open(exchange) {
      const origin = exchange.header('origin')
      const crosses = origin !== undefined && origin !== '' && !isOwn(exchange, origin)
      const trusted = crosses && trustedOrigins.has(origin)
      if (crosses) warnOfMistakes(exchange, origin, trusted)
      if (!cors) {
        if (trusted) watchHead(exchange, origin)
        return null
      }
      if (trusted && isPreflight(exchange)) return preflightReply(exchange, origin)
      exchange.beforeHead((head) => {
        // Also for requests without an origin: a cache must not serve their answer to one with.
        head.set('vary', addName(head.get('vary'), 'Origin'))
        if (trusted) allow(head, origin)
      })
      return null
    },
  }
}

function allow(head: ResponseHead, origin: string): void {
  head.set('access-control-allow-origin', origin)
  head.set('access-control-allow-credentials', 'true')
  head.set('access-control-expose-headers', addName(head.get('access-control-expose-headers'), EXPOSED))
}

function preflightReply(exchange: Exchange, origin: string): Reply {
  const requested = exchange.header('access-control-request-headers') ?? ''
  // What it asks for is allowed: a trusted origin is trusted with requests as a whole.
  const asked = requested.split(',').map((name) => name.trim().toLowerCase())
  const names = asked.filter((name) => /^[\w!#$%&'*+.^`|~-]{1,64}$/.test(name)).slice(0, 32)
  return {
    status: 204,
    headers: [
      ['access-control-allow-origin', origin],
      ['access-control-allow-credentials', 'true'],
      ['access-control-allow-methods', METHODS],
      ['access-control-allow-headers', [...new Set([...OURS, ...names])].join(', ')],
      ['access-control-max-age', String(REMEMBER)],
      ['vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'],
    ],
    body: null,
  }
}

function isPreflight(exchange: Exchange): boolean {
  return exchange.method === 'OPTIONS' && exchange.header('access-control-request-method') !== undefined
}

function isOwn(exchange: Exchange, origin: string): boolean {
  return exchange.header('sec-fetch-site') === 'same-origin' || hostOf(origin) === exchange.header('host')
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null
}

/** Bounded, and as a URL would be written, because it ends in a log. */
function shown(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).origin.slice(0, 100) : 'an unknown origin'
}
