/** One request and its response, in the words every framework can be mapped to. */
export interface Exchange {
  readonly method: string
  /** Path and query as the client sent them, whatever a router has made of them since. */
  readonly target: string
  /** A request header by its lower-case name; several of one name joined as Node does. */
  header(name: string): string | undefined
  /** Whether the client's connection is encrypted, as far as the framework knows. */
  readonly secure: boolean
  /** The client's address, as far as the framework trusts its proxies. */
  readonly ip: string | undefined
  /** The address at the other end of the socket; undefined where there is none to see. */
  readonly peer: string | undefined
  /** Whether the client has gone. */
  readonly signal: { readonly aborted: boolean }
  /** The request's JSON body; null for none, undefined for a malformed or too large one. Called in bearer mode only. */
  json(): Promise<unknown>
  /** Calls back once, right before the response's head is sent. @throws TypeError when it has been sent */
  beforeHead(change: (head: ResponseHead) => void): void
}

/** The head of a response that is about to be sent. */
export interface ResponseHead {
  get(name: string): string | undefined
  set(name: string, value: string): void
  append(name: string, value: string): void
}

/** An answer Pawl gives itself. */
export interface Reply {
  readonly status: number
  /** In order; `set-cookie` may come several times. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Bytes are a `Buffer`, which no framework takes for an object. */
  readonly body: string | Uint8Array | null
}

/** Longest JSON body of a bearer-mode request; a refresh token has 131 characters. */
export const MAX_BODY: number = 16 * 1024

/** For the head of every response that sets a cookie: no cache may hand it to someone else. */
export function forbidCaching(head: ResponseHead): void {
  head.set('cache-control', 'private, no-store')
  head.set('vary', addName(head.get('vary'), 'Cookie'))
}

/** Adds a name to a list of names, such as `Vary`, that others may have begun. */
export function addName(list: string | undefined, name: string): string {
  if (list === undefined || list === '') return name
  const names = list.split(',').map((item) => item.trim().toLowerCase())
  return names.includes('*') || names.includes(name.toLowerCase()) ? list : `${list}, ${name}`
}

/** Headers that tell of an answer whose place Pawl's own takes: with its length, a client would wait for the rest. */
export const HEADERS_OF_BODY: readonly string[] = [
  'content-type',
  'content-length',
  'content-encoding',
  'etag',
  'last-modified',
  'location',
]

/** Puts the head of an answer of Pawl's own over what others have begun, whose `Vary` and cookies stay. */
export function writeHead(head: ResponseHead, headers: Reply['headers']): void {
  for (const [name, value] of headers) {
    if (name === 'set-cookie') head.append(name, value)
    else if (name === 'vary') head.set(name, value.split(', ').reduce(addName, head.get(name) ?? ''))
    else head.set(name, value)
  }
}

export function jsonReply(
  status: number,
  body: unknown,
  headers: readonly (readonly [string, string])[] = [],
): Reply {
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

/** The headers {@link forbidCaching} would set, for an answer of our own. */
export const NO_CACHING: readonly (readonly [string, string])[] = [
  ['cache-control', 'private, no-store'],
  ['vary', 'Cookie'],
]

/** The headers that set these cookies. */
export function setCookieHeaders(cookies: readonly string[]): readonly (readonly [string, string])[] {
  return cookies.map((cookie) => ['set-cookie', cookie] as const)
}

/** Whether a request asks for a WebSocket. Its answer is no place for cookies: a library of its own writes it. */
export function isHandshake(exchange: Pick<Exchange, 'header'>): boolean {
  return exchange.header('upgrade')?.toLowerCase() === 'websocket'
}

/** By hand: a regular expression takes a server a quarter of a microsecond more. */
export function pathOf(target: string): string {
  for (let at = 0; at < target.length; at++) {
    const code = target.charCodeAt(at)
    if (code === QUESTION_MARK || code === HASH) return target.slice(0, at)
  }
  return target
}

const [QUESTION_MARK, HASH] = [0x3f, 0x23]
