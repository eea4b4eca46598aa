import { MAX_BODY } from './exchange.ts'

/** A bounded JSON body; null for anything else, one that breaks off included: a client's mistake is no error of ours. */
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

/** The answer need not wait for the rest, but left unread it would be in the way of the connection's next request. */
async function discard(body: AsyncIterator<Uint8Array>): Promise<void> {
  try {
    while ((await body.next()).done !== true);
  } catch {
    // The client has gone.
  }
}
