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

/** For every response that sets a cookie: no cache may give it to another client. */
export function forbidCaching(head: ResponseHead): void {
  head.set('cache-control', 'private, no-store')
  head.set('vary', addName(head.get('vary'), 'Cookie'))
}

/** Adds a name to a list header such as `Vary`. */
export function addName(list: string | undefined, name: string): string {
  if (list === undefined || list === '') return name
  const names = list.split(',').map((item) => item.trim().toLowerCase())
  return names.includes('*') || names.includes(name.toLowerCase()) ? list : `${list}, ${name}`
}

/** Writes the headers of Pawl's answer. `Vary` and cookies that the application has set stay. */
export function writeHead(head: ResponseHead, headers: readonly Header[]): void {
  for (const [name, value] of headers) {
    if (name === 'set-cookie') head.append(name, value)
    else if (name === 'vary') head.set(name, value.split(', ').reduce(addName, head.get(name) ?? ''))
    else head.set(name, value)
  }
}

export function jsonReply(status: number, body: unknown, headers: readonly Header[] = []): Reply {
  return {
    status,
    headers: [
      ['content-type', 'application/json'],
      ['x-content-type-options', 'nosniff'],
      ['cross-origin-resource-policy', 'same-site'],
      ...headers,
    ],
    body: JSON.stringify(body),
  }
}

export function methodNotAllowed(allow: string): Reply {
  return { status: 405, headers: [['allow', allow]], body: null }
}

export function setCookieHeaders(cookies: readonly string[]): readonly Header[] {
  return cookies.map((cookie) => ['set-cookie', cookie] as const)
}
