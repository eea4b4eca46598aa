/** Longest JSON body of a bearer-mode request in bytes; a refresh token has 131 characters. */
const MAX_BODY = 16 * 1024

/**
 * Reads a JSON body; null for none or another type, undefined for one that is malformed, truncated or too large.
 * Never rejects, because the mistake is the client's.
 */
export async function readJsonBody(
  contentType: string | null | undefined,
  chunks: AsyncIterable<Uint8Array> | null,
): Promise<unknown> {
  if (chunks === null || !/^application\/json\b/i.test(contentType ?? '')) return null
  const parts: Uint8Array[] = []
  let size = 0
  try {
    const body = chunks[Symbol.asyncIterator]()
    for (let next = await body.next(); next.done !== true; next = await body.next()) {
      size += next.value.length
      if (size > MAX_BODY) {
        void discard(body)
        return undefined
      }
      parts.push(next.value)
    }
    return JSON.parse(Buffer.concat(parts).toString()) as unknown
  } catch {
    return undefined
  }
}

/** Reads the rest without delaying the answer. Left unread, it would block the connection's next request. */
async function discard(body: AsyncIterator<Uint8Array>): Promise<void> {
  try {
    while ((await body.next()).done !== true);
  } catch {
    // The client has disconnected.
  }
}
