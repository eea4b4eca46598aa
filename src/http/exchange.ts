/** One request and its response, in terms that every framework can be mapped to. */
export interface Exchange {
  readonly method: string
  /** Path and query as the client sent them, before any router changed them. */
  readonly target: string
  /** A request header by its lower-case name; several of one name joined as Node does. */
  header(name: string): string | undefined
  /** Whether the client's connection is encrypted, according to the framework. */
  readonly secure: boolean
  /** The client's address, according to the framework and the proxies it trusts. */
  readonly ip: string | undefined
  /** The address at the other end of the socket; undefined if the runtime does not expose it. */
  readonly peer: string | undefined
  /** Whether the client has disconnected. */
  readonly signal: { readonly aborted: boolean }
  /** The request's JSON body; null for none, undefined for a malformed or too large one. Called in bearer mode only. */
  json(): Promise<unknown>
  /** The path at which the adapter is mounted, if the framework tells it; empty for the root. */
  readonly mountPath?: string | undefined
  /** Whether the response takes `Set-Cookie` from Pawl, and no other header. */
  readonly takesOnlyCookies?: boolean
  /** Calls back once, right before the response's head is sent. @throws TypeError when it has been sent */
  beforeHead(change: (head: ResponseHead) => void): void
}

/** The head of a response that is about to be sent. */
export interface ResponseHead {
  get(name: string): string | undefined
  set(name: string, value: string): void
  append(name: string, value: string): void
  /** The names of the headers set so far, in any case. */
  names(): Iterable<string>
  remove(name: string): void
}

export type Header = readonly [name: string, value: string]

/** Of the type alone: an object that `createReply` has not made is no reply. */
declare const made: unique symbol

/** An answer of Pawl's own. Made by `createReply`, so that none lacks the headers that all of them have. */
export interface Reply {
  readonly [made]: true
  readonly status: number
  /** In order; `set-cookie` may appear several times. */
  readonly headers: readonly Header[]
  /** Bytes are a `Buffer`, because some frameworks serialize other byte arrays as objects. */
  readonly body: string | Uint8Array | null
}
