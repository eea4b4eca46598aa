/**
 * Session ids are UUIDs, made in the application so that an insert can be repeated safely. Version 7
 * keeps the primary key's index dense; version 4 suits engines that shard by key range. An id is no
 * secret: it only names a row.
 */
export type SessionIdVersion = 'v7' | 'v4'

const DIGITS = '0123456789abcdef'
const [DASH, ZERO, NINE, A] = [0x2d, 0x30, 0x39, 0x61]
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** A new id (RFC 9562 section 5.7 or 5.4), `now` in milliseconds, of 16 random bytes, which it writes to. */
export function newSessionId(
  version: SessionIdVersion,
  now: number,
  bytes: Uint8Array = crypto.getRandomValues(new Uint8Array(16)),
): string {
  if (version === 'v7') {
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    view.setUint16(0, now / 2 ** 32)
    view.setUint32(2, now)
  }
  bytes[6] = (bytes[6]! & 0x0f) | (version === 'v7' ? 0x70 : 0x40)
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return sessionIdFromBytes(bytes)
}

export function isSessionId(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value)
}

/** From character codes, as V8 keeps a string that was put together as a tree of its parts, 344 bytes instead of 56. */
export function sessionIdFromBytes(bytes: Uint8Array): string {
  const codes = new Array<number>(36)
  let at = 0
  for (let index = 0; index < 16; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) codes[at++] = DASH
    codes[at++] = DIGITS.charCodeAt(bytes[index]! >> 4)
    codes[at++] = DIGITS.charCodeAt(bytes[index]! & 15)
  }
  return String.fromCharCode.apply(null, codes)
}

export function sessionIdToBytes(id: string): Uint8Array {
  const bytes = new Uint8Array(16)
  let at = 0
  for (let index = 0; index < id.length; index += 2) {
    if (id.charCodeAt(index) === DASH) index++
    bytes[at++] = (digit(id.charCodeAt(index)) << 4) | digit(id.charCodeAt(index + 1))
  }
  return bytes
}

/** Of a lower-case hexadecimal character, which all in an id are. */
const digit = (code: number): number => (code <= NINE ? code - ZERO : code - A + 10)
