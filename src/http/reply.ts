import type { Header, Reply, ResponseHead } from './exchange.ts'

/** Headers that describe the body of a response. They are removed when Pawl's answer replaces that response. */
export const BODY_HEADERS: readonly string[] = [
  'content-type',
  'content-length',
  'content-encoding',
  'etag',
  'last-modified',
  'location',
]

/** For answers of Pawl that depend on cookies. */
export const NO_CACHING: readonly Header[] = [
  ['cache-control', 'private, no-store'],
  ['vary', 'Cookie'],
]

/**
 * Headers by which a CDN or a proxy caches a response whatever its `Cache-Control` says. RFC 9213 section 2.4 gives them
 * the suffix (`CDN-Cache-Control` and those of vendors); Fastly, Akamai and nginx have older ones.
 */
const TARGETED_CACHING = /-cache-control$|^(?:surrogate-control|edge-control|x-accel-expires)$/i

/** For answers that depend on no cookie, and must not be kept. */
const NO_STORE: Header = ['cache-control', 'no-store']

/** For every response that sets a cookie: no cache may give it to another client. */
export function forbidCaching(head: ResponseHead): void {
  setCaching(head, 'private, no-store')
  head.set('vary', addName(head.get('vary'), 'Cookie'))
}

function setCaching(head: ResponseHead, value: string): void {
  for (const name of [...head.names()]) if (TARGETED_CACHING.test(name)) head.remove(name)
  head.set('cache-control', value)
}

/** Adds a name to a list header such as `Vary`. */
export function addName(list: string | undefined, name: string): string {
  if (list === undefined || list === '') return name
  const names = list.split(',').map((item) => item.trim().toLowerCase())
  return names.includes('*') || names.includes(name.toLowerCase()) ? list : `${list}, ${name}`
}

/** Headers whose names are added to those that the application has set. */
const LISTS: readonly string[] = ['vary', 'access-control-expose-headers']

/** Writes the headers of Pawl's answer. Cookies and names in lists that the application has set stay. */
export function writeHead(head: ResponseHead, headers: readonly Header[]): void {
  for (const [name, value] of headers) {
    if (name === 'set-cookie') head.append(name, value)
    else if (name === 'cache-control') setCaching(head, value)
    else if (LISTS.includes(name)) head.set(name, value.split(', ').reduce(addName, head.get(name) ?? ''))
    else head.set(name, value)
  }
}

/** Makes every answer of Pawl's own. No browser may guess the type of one (ASVS 3.4.4). */
export function createReply(status: number, headers: readonly Header[], body: Reply['body'] = null): Reply {
  return { status, headers: [['x-content-type-options', 'nosniff'], ...headers], body } as unknown as Reply
}

export function jsonReply(status: number, body: unknown, headers: readonly Header[] = []): Reply {
  return createReply(
    status,
    [['content-type', 'application/json'], ['cross-origin-resource-policy', 'same-site'], ...headers],
    JSON.stringify(body),
  )
}

/** A cache could keep it without asking (RFC 9110 section 15.5.6), and another client may be allowed. */
export function methodNotAllowed(allow: string): Reply {
  return createReply(405, [['allow', allow], NO_STORE])
}

/** For a request that failed: headers that the application has set for its own answer must not make it last. */
export function emptyReply(status: 400 | 500): Reply {
  return createReply(status, [NO_STORE])
}

export function setCookieHeaders(cookies: readonly string[]): readonly Header[] {
  return cookies.map((cookie) => ['set-cookie', cookie] as const)
}
