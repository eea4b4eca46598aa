/** As much of `fetch` as is used: redirects are not followed, and `signal` ends it in time. */
export type Fetch = (
  url: string,
  init: {
    readonly headers: Record<string, string>
    readonly redirect: 'manual'
    readonly signal: AbortSignal
  },
) => Promise<Response>

export interface GetOptions {
  readonly fetch: Fetch
  /** Milliseconds, for head and body together. */
  readonly timeout: number
  readonly maxBytes: number
  /** Asks for the body only if this is not its tag any more. */
  readonly etag?: string | null
}

export interface Got {
  /** `null`: it is the one of the given tag. */
  readonly body: Uint8Array<ArrayBuffer> | null
  readonly etag: string | null
  /** Seconds it may be kept, if the server says so. */
  readonly maxAge: number | null
  /** Seconds a cache on the way has kept it. */
  readonly age: number
}

/** @throws Error for any answer but 200 and 304, one that is too large, and one that is too late */
export async function get(url: string, { fetch, timeout, maxBytes, etag }: GetOptions): Promise<Got> {
  const response = await fetch(url, {
    headers: etag == null ? {} : { 'if-none-match': etag },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeout),
  })
  const unchanged = etag != null && response.status === 304
  if (!unchanged && response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`${nameOf(url)} answered ${response.status}`)
  }
  const { headers } = response
  const maxAge = /(?:^|[\s,])max-age=(\d+)/i.exec(headers.get('cache-control') ?? '')?.[1]
  return {
    body: unchanged ? null : await read(response, maxBytes, url),
    etag: headers.get('etag'),
    maxAge: maxAge === undefined ? null : Number(maxAge),
    age: Math.max(0, Number(headers.get('age')) || 0),
  }
}

async function read(response: Response, maxBytes: number, url: string): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = response.body?.getReader()
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true }
    if (done || value === undefined) break
    length += value.length
    if (length > maxBytes) {
      await reader?.cancel()
      throw new Error(`${nameOf(url)} answered with more than ${maxBytes} bytes`)
    }
    chunks.push(value)
  }
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

/** Without a query, which may hold a key. */
export function nameOf(url: string): string {
  const { host, pathname } = new URL(url)
  return host + pathname
}
