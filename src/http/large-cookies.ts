import type { Engine } from '../core/engine.ts'
import { oncePerEngine } from './once-per-engine.ts'

/**
 * The bytes of `Set-Cookie` lines in one response above which Pawl warns. nginx reads 4096 bytes of a head by default; 1024 of
 * them are for the status line and the other headers.
 */
const LIMIT = 3072

const isFirst = oncePerEngine()

/** Warns once of cookies that a proxy may refuse. */
export function reportLargeCookies(engine: Engine, cookies: readonly string[]): void {
  const lines = cookies.map((cookie) => Buffer.byteLength(`Set-Cookie: ${cookie}\r\n`))
  const bytes = lines.reduce((sum, line) => sum + line, 0)
  if (bytes > LIMIT && isFirst(engine)) engine.events.emit('cookiesLarge', { bytes, limit: LIMIT })
}
