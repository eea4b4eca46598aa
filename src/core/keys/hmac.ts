import { hash, timingSafeEqual } from 'node:crypto'

const BLOCK = 64
const BYTES = 32

/** HMAC-SHA-256 with one key. */
export interface Mac {
  /** @returns the MAC as base64url */
  sign(input: string): string
  /** Compares in constant time. */
  verify(input: string, mac: Uint8Array): boolean
  /** @returns the MAC of bytes, as bytes */
  digest(input: Uint8Array): Buffer
}

/**
 * HMAC is two hashes (RFC 2104 section 2). Done as such with the one-shot `hash` it takes 2.2 µs of an access
 * token's input, where `createHmac`, which sets up a context each time, takes 4.0.
 * @param longest input in characters or bytes; whatever is longer throws a RangeError
 */
export function createMac(key: Uint8Array, longest: number): Mac {
  const secret = key.length > BLOCK ? hash('sha256', key, 'buffer') : key
  // Written over by each call, which nothing interrupts. A character has three bytes of UTF-8 at most.
  const inner = Buffer.alloc(BLOCK + 3 * longest, 0)
  const outer = Buffer.alloc(BLOCK + BYTES, 0)
  const expected = Buffer.alloc(BYTES)
  for (let at = 0; at < BLOCK; at++) {
    inner[at] = (secret[at] ?? 0) ^ 0x36
    outer[at] = (secret[at] ?? 0) ^ 0x5c
  }

  /** Leaves in `outer` what only has to be hashed once more. Asked for as a buffer, a hash takes twice as long. */
  function hashInner(input: string | Uint8Array): void {
    if (input.length > longest) throw new RangeError('too long an input')
    let length = input.length
    if (typeof input === 'string') length = inner.write(input, BLOCK)
    else inner.set(input, BLOCK)
    outer.write(hash('sha256', inner.subarray(0, BLOCK + length), 'binary'), BLOCK, 'binary')
  }

  return {
    sign(input) {
      hashInner(input)
      return hash('sha256', outer, 'base64url')
    },
    verify(input, given) {
      if (given.length !== BYTES) return false
      hashInner(input)
      expected.write(hash('sha256', outer, 'binary'), 'binary')
      return timingSafeEqual(given, expected)
    },
    digest(input) {
      hashInner(input)
      return Buffer.from(hash('sha256', outer, 'binary'), 'binary')
    },
  }
}
