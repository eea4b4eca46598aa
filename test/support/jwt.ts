import { createHmac } from 'node:crypto'

type Json = Readonly<Record<string, unknown>>

export interface DecodedJwt {
  readonly header: Json
  readonly payload: Json
  /** The three encoded parts. */
  readonly parts: readonly [string, string, string]
}

/** Decodes a JWT without verifying it. */
export function decodeJwt(token: string): DecodedJwt {
  const parts = token.split('.') as [string, string, string]
  const json = (part: string): Json => JSON.parse(Buffer.from(part, 'base64url').toString())
  return { header: json(parts[0]), payload: json(parts[1]), parts }
}

export function encodePart(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

/** Signs any header and payload with HMAC-SHA-256. */
export function signHs256(key: Uint8Array, header: unknown, payload: unknown): string {
  return signEncodedHs256(key, `${encodePart(header)}.${encodePart(payload)}`)
}

/** Signs any text with HMAC-SHA-256. */
export function signEncodedHs256(key: Uint8Array, input: string): string {
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
}

/**
 * Spellings of an encoded part that a lenient decoder takes for the same bytes. RFC 7515 section 5.2 forbids
 * them, and RFC 4648 section 3.5 the one that sets unused bits.
 * @param part whose length is no multiple of four
 */
export function otherSpellings(part: string): string[] {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(part.at(-1)!)
  return [
    `${part}${'='.repeat(4 - (part.length % 4))}`,
    `${part}=`,
    ` ${part}`,
    `${part}\n`,
    `${part.slice(0, 8)} ${part.slice(8)}`,
    `${part.slice(0, 8)}?${part.slice(8)}`,
    `####${part}`,
    part.slice(0, -1) + alphabet[last ^ 1],
  ]
}

/** Decodes the 42 bytes of `gen`: n, f, p, t. */
export function decodeGen(gen: unknown): { n: number; f: string; p: string; t: number } {
  const bytes = Buffer.from(gen as string, 'base64url')
  return {
    n: bytes.readUInt32BE(0),
    f: bytes.toString('hex', 4, 20),
    p: bytes.toString('hex', 20, 36),
    t: bytes.readUIntBE(36, 6),
  }
}
