import { randomBytes } from 'node:crypto'
import { sameBytes } from '../../../core/keys/same-bytes.ts'

/** How long the link works if nobody uses it. In ms. */
const LINK_LIFETIME = 10 * 60_000
const COOKIE = 'pawl-console'
const LINK_PATH = '/open'
/** The names of this machine. Another name may belong to a site that resolves it to 127.0.0.1 (DNS rebinding). */
const HOSTS: readonly string[] = ['127.0.0.1', 'localhost']

/** The parts of a request by which the gate decides. */
export interface Knock {
  readonly method: string
  /** The path and the query. */
  readonly url: string
  readonly host: string | undefined
  readonly cookie: string | undefined
  /** The header `Sec-Purpose`: a browser may fetch a link before anybody opens it. */
  readonly purpose: string | undefined
}

export type Verdict =
  /** The browser has the cookie. */
  | { readonly kind: 'open' }
  /** The link was opened the first time: the browser gets the cookie. */
  | { readonly kind: 'welcome'; readonly setCookie: string }
  /** The link was opened again by the browser that has the cookie. */
  | { readonly kind: 'again' }
  | { readonly kind: 'foreign host' }
  /** `used`: somebody has opened the link already. */
  | { readonly kind: 'refused'; readonly because: 'prefetch' | 'used' | 'expired' | 'no cookie' }

export interface Gate {
  /** The path of the console. It is a secret that only responses to the admitted browser contain. */
  readonly path: string
  /** The path of the link, with its token. It does not reveal the path of the console. */
  readonly link: string
  judge(knock: Knock): Verdict
}

/**
 * Admits the one browser that opens the link. Browsers send a cookie to every port of a host, so the cookie is bound to a
 * path that no other server of this machine can guess. The link may be seen by others, so it has a secret of its own.
 * @param now a clock that never goes back, in ms
 */
export function createGate(now: () => number): Gate {
  const path = `/${secret(16)}`
  const token = secret(32)
  const value = secret(32)
  const expires = now() + LINK_LIFETIME
  let used = false

  return {
    path,
    link: `${LINK_PATH}?token=${token}`,
    judge({ method, url, host, cookie, purpose }) {
      if (!HOSTS.includes(hostName(host))) return { kind: 'foreign host' }
      const isIn = cookiesOf(cookie).some((each) => isSame(each, value))
      const [start = '', query] = url.split('?', 2)
      const given = method === 'GET' && start === LINK_PATH ? new URLSearchParams(query).get('token') : null
      if (given === null)
        return isIn && isBelow(path, start) ? { kind: 'open' } : { kind: 'refused', because: 'no cookie' }
      if (isIn) return { kind: 'again' }
      if (!isSame(given, token)) return { kind: 'refused', because: 'no cookie' }
      if (used) return { kind: 'refused', because: 'used' }
      if (now() >= expires) return { kind: 'refused', because: 'expired' }
      if (purpose !== undefined) return { kind: 'refused', because: 'prefetch' }
      used = true
      return { kind: 'welcome', setCookie: `${COOKIE}=${value}; Path=${path}; HttpOnly; SameSite=Strict` }
    },
  }
}

/** Also for a path that leaves the console by `..`. */
function isBelow(path: string, given: string): boolean {
  const url = `http://localhost${given}`
  const pathname = URL.canParse(url) ? new URL(url).pathname : ''
  return given.startsWith(path) && (pathname === path || pathname.startsWith(`${path}/`))
}

function secret(bytes: number): string {
  return randomBytes(bytes).toString('base64url')
}

/** Without the port: a tunnel may have another one. */
function hostName(host = ''): string {
  return host.toLowerCase().replace(/:\d{1,5}$/, '')
}

function cookiesOf(header = ''): string[] {
  return header
    .split(';')
    .map((each) => each.trim())
    .filter((each) => each.startsWith(`${COOKIE}=`))
    .map((each) => each.slice(COOKIE.length + 1))
}

function isSame(one: string, other: string): boolean {
  return sameBytes(Buffer.from(one), Buffer.from(other))
}
