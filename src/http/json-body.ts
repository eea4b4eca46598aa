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
    for await (const chunk of chunks) {
      size += chunk.length
      // Read to its end all the same: what is left of a body would be taken for the connection's next request.
      if (size <= MAX_BODY) parts.push(chunk)
    }
    if (size > MAX_BODY) return undefined
    return JSON.parse(Buffer.concat(parts).toString()) as unknown
  } catch {
    return undefined
  }
}
