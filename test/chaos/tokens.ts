import { createHash } from 'node:crypto'
import type { CookieJar } from '../support/http-jar.ts'

export const REFRESH_COOKIE = 'pawl-refresh'

/** The readable content of a refresh token. */
export interface Peek {
  readonly sessionId: string
  readonly generation: number
  /** For stories: generation and start of the fingerprint. */
  readonly label: string
}

/** Decodes the refresh token in a jar, for stories and reports. A real client never does. */
export function peek(jar: CookieJar): Peek | null {
  const value = jar.get(REFRESH_COOKIE)
  if (value === undefined || value === '') return null
  const bytes = Buffer.from(value.slice('pawl_r1_'.length), 'base64url')
  const hex = bytes.subarray(2, 18).toString('hex')
  const generation = bytes.readUInt32BE(18)
  const fingerprint = createHash('sha256').update(bytes).digest('hex').slice(0, 4)
  return {
    sessionId: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    generation,
    label: `R${generation}#${fingerprint}`,
  }
}
