/** What a browser keeps of one `Set-Cookie`. */
interface Kept {
  readonly name: string
  readonly value: string
  readonly path: string
  /** The Domain attribute; empty for a host-only cookie. */
  readonly domain: string
}

/** The cookies of one browser at one host: it honors Path, Domain as part of the identity, and removal. */
export interface CookieJar {
  /** The Cookie header for a path, longest cookie path first; undefined when nothing fits. */
  header(path: string): string | undefined
  /** Takes in what a response sets. */
  store(setCookies: readonly string[]): void
  /** The value of a cookie, whatever its path. */
  get(name: string): string | undefined
  /** Plants or replaces one, as another response or a sibling subdomain would. */
  put(name: string, value: string, path?: string, domain?: string): void
  delete(name: string): void
  readonly names: readonly string[]
  /** The same cookies in another jar: what a thief has copied. */
  copy(): CookieJar
}

/** How Express clears a cookie. */
const EPOCH = 'Thu, 01 Jan 1970 00:00:00 GMT'

export function createJar(cookies: readonly Kept[] = []): CookieJar {
  let kept = [...cookies]

  function put(cookie: Kept): void {
    remove(cookie)
    kept.push(cookie)
  }
  function remove({ name, path, domain }: Kept): void {
    kept = kept.filter((other) => other.name !== name || other.path !== path || other.domain !== domain)
  }

  return {
    header(path) {
      const fitting = kept
        .filter((cookie) => matches(path, cookie.path))
        .sort((a, b) => b.path.length - a.path.length)
      return fitting.length === 0
        ? undefined
        : fitting.map(({ name, value }) => `${name}=${value}`).join('; ')
    },
    store(setCookies) {
      for (const text of setCookies) {
        const { name, value, attributes } = parseSetCookie(text)
        const cookie = { name, value, path: attributes['path'] ?? '/', domain: attributes['domain'] ?? '' }
        if (attributes['max-age'] === '0' || attributes['expires'] === EPOCH) remove(cookie)
        else put(cookie)
      }
    },
    get: (name) => kept.find((cookie) => cookie.name === name)?.value,
    put: (name, value, path = '/', domain = '') => put({ name, value, path, domain }),
    delete(name) {
      kept = kept.filter((cookie) => cookie.name !== name)
    },
    get names() {
      return kept.map(({ name }) => name).sort()
    },
    copy: () => createJar(kept),
  }
}

export function parseSetCookie(text: string): {
  name: string
  value: string
  attributes: Record<string, string>
} {
  const [pair = '', ...rest] = text.split('; ')
  const at = pair.indexOf('=')
  const attributes = Object.fromEntries(
    rest.map((part): [string, string] => {
      const [name = '', value = ''] = part.split('=')
      return [name.toLowerCase(), value]
    }),
  )
  return { name: pair.slice(0, at), value: pair.slice(at + 1), attributes }
}

/** A `Set-Cookie` with its token, which differs from run to run, replaced. */
export function redact(setCookie: string): string {
  return setCookie.replace(/^([^=]+)=eyJ[^;]+/, '$1=<access>').replace(/=pawl_r1_[^;]+/, '=<refresh>')
}

/** RFC 6265 section 5.1.4. */
function matches(requested: string, path: string): boolean {
  if (!requested.startsWith(path)) return false
  return requested.length === path.length || path.endsWith('/') || requested[path.length] === '/'
}
