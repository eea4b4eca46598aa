import type { IncomingMessage, ServerResponse } from 'node:http'

/** More than any token, report or note needs. In bytes. */
const LIMIT = 65_536

/** @returns null if the body is larger than any that the kit expects */
export async function withinLimit(req: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > LIMIT) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

export function tooLarge(res: ServerResponse): void {
  res.writeHead(413, { connection: 'close' }).end()
}
