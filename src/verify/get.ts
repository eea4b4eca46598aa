/** The part of `fetch` that the verifier uses. It must follow no redirects; `signal` aborts it after the timeout. */
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
  /** Requests the body only if its tag has changed. */
  readonly etag?: string | null
  /** Makes the error for a 404. */
  readonly notFound?: (message: string) => Error
}

export interface GetResult {
  /** `null` when the body still has the given tag. */
  readonly body: Uint8Array<ArrayBuffer> | null
  readonly etag: string | null
  /** Seconds for which the response may be cached, or `null` when the server does not say. */
  readonly maxAge: number | null
  /** Seconds for which a cache on the way has held the response. */
  readonly age: number
}

/** @throws Error when the status is neither 200 nor 304, or the response is too large or too late */
export async function get(
  url: string,
  { fetch, timeout, maxBytes, etag, notFound }: GetOptions,
): Promise<GetResult> {
  const response = await fetch(url, {
    headers: etag == null ? {} : { 'if-none-match': etag },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeout),
  })
  const unchanged = etag != null && response.status === 304
  if (!unchanged && response.status !== 200) {
    await response.body?.cancel()
    const message = `${describeUrl(url)} responded ${response.status}`
    throw response.status === 404 && notFound ? notFound(message) : new Error(message)
  }
  const { headers } = response
  const maxAge = /(?:^|[\s,])max-age=(\d+)/i.exec(headers.get('cache-control') ?? '')?.[1]
  return {
    body: unchanged ? null : await readBody(response, maxBytes, url),
    etag: headers.get('etag'),
    maxAge: maxAge === undefined ? null : Number(maxAge),
    age: Math.max(0, Number(headers.get('age')) || 0),
  }
}

async function readBody(response: Response, maxBytes: number, url: string): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = response.body?.getReader()
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true }
    if (done || value === undefined) break
    length += value.length
    if (length > maxBytes) {
      await reader?.cancel()
      throw new Error(`${describeUrl(url)} sent more than ${maxBytes} bytes`)
    }
    chunks.push(value)
  }
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  return bytes
}

/** For messages: without the query, which may hold a key. */
export function describeUrl(url: string): string {
  const { host, pathname } = new URL(url)
  return host + pathname
}
