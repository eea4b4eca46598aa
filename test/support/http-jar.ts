/** A cookie as a browser stores it. */
interface StoredCookie {
  readonly name: string
  readonly value: string
  readonly path: string
  /** The Domain attribute; empty for a host-only cookie. */
  readonly domain: string
}

/** The cookies of one browser at one host. It honors Path, Domain and expiry. */
export interface CookieJar {
  /** The Cookie header for a path, longest cookie path first. Undefined if no cookie matches. */
  header(path: string): string | undefined
  /** Stores and removes cookies as the `Set-Cookie` headers of a response say. */
  store(setCookies: readonly string[]): void
  /** The value of a cookie, whatever its path. */
  get(name: string): string | undefined
  /** Adds or replaces a cookie, as another response or a sibling subdomain would. */
  put(name: string, value: string, path?: string, domain?: string): void
  delete(name: string): void
  readonly names: readonly string[]
  /** A copy with the same cookies, for another tab or a thief. */
  copy(): CookieJar
}

/** The expiry with which Express clears a cookie. */
const EPOCH = 'Thu, 01 Jan 1970 00:00:00 GMT'

export function createJar(cookies: readonly StoredCookie[] = []): CookieJar {
  let stored = [...cookies]

  function put(cookie: StoredCookie): void {
    remove(cookie)
    stored.push(cookie)
  }
  function remove({ name, path, domain }: StoredCookie): void {
    stored = stored.filter((other) => other.name !== name || other.path !== path || other.domain !== domain)
  }

  return {
    header(path) {
      const matching = stored
        .filter((cookie) => matches(path, cookie.path))
        .sort((a, b) => b.path.length - a.path.length)
      return matching.length === 0
        ? undefined
        : matching.map(({ name, value }) => `${name}=${value}`).join('; ')
    },
    store(setCookies) {
      for (const text of setCookies) {
        const { name, value, attributes } = parseSetCookie(text)
        const cookie = { name, value, path: attributes['path'] ?? '/', domain: attributes['domain'] ?? '' }
        if (attributes['max-age'] === '0' || attributes['expires'] === EPOCH) remove(cookie)
        else put(cookie)
      }
    },
    get: (name) => stored.find((cookie) => cookie.name === name)?.value,
    put: (name, value, path = '/', domain = '') => put({ name, value, path, domain }),
    delete(name) {
      stored = stored.filter((cookie) => cookie.name !== name)
    },
    get names() {
      return stored.map(({ name }) => name).sort()
    },
    copy: () => createJar(stored),
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

/** Replaces the token in a `Set-Cookie`, because it differs in each run. */
export function redact(setCookie: string): string {
  return setCookie
    .replace(/^([^=]+)=eyJ[^;]+/, '$1=<access>')
    .replace(/=pawl_r1_[^;]+/, '=<refresh>')
    .replace(/=pawl_d1_[^;]+/, '=<device>')
}

/** RFC 6265 section 5.1.4. */
function matches(requested: string, path: string): boolean {
  if (!requested.startsWith(path)) return false
  return requested.length === path.length || path.endsWith('/') || requested[path.length] === '/'
}
