import type { Engine } from '../core/engine.ts'
import { oncePerEngine } from './once-per-engine.ts'
import type { Conversation } from './protocol.ts'
import { setCookieHeaders } from './reply.ts'

/**
 * The bytes of `Set-Cookie` lines in one response above which Pawl warns. nginx reads 4096 bytes of a head by default; 1024 of
 * them are for the status line and the other headers.
 */
const LIMIT = 3072

const isFirst = oncePerEngine()

/**
 * Warns once of cookies that a proxy may refuse.
 * @param conversation what sends them in other headers, which count too
 */
export function reportLargeCookies(
  engine: Engine,
  cookies: readonly string[],
  conversation: Pick<Conversation, 'headersOf'> | null,
): void {
  const headers = conversation === null ? setCookieHeaders(cookies) : cookies.flatMap(conversation.headersOf)
  const bytes = headers.reduce((sum, [name, value]) => sum + Buffer.byteLength(`${name}: ${value}\r\n`), 0)
  if (bytes > LIMIT && isFirst(engine)) engine.events.emit('cookiesLarge', { bytes, limit: LIMIT })
}
