import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createMac } from '../../src/core/keys/hmac.ts'

const MAX_LENGTH = 300
const key = fc.uint8Array({ minLength: 32, maxLength: 200 })
const input = fc.string({ unit: 'binary', maxLength: MAX_LENGTH / 2 })

it('computes the same MACs as OpenSSL, in any order of inputs', () => {
  fc.assert(
    fc.property(key, fc.array(input, { minLength: 1, maxLength: 3 }), (secret, inputs) => {
      const mac = createMac(secret, MAX_LENGTH)
      for (const text of inputs) {
        const expected = createHmac('sha256', secret).update(text).digest()
        expect(mac.sign(text)).toBe(expected.toString('base64url'))
        expect(mac.verify(text, expected)).toBe(true)
      }
    }),
  )
})

it('computes the test vectors of RFC 4231', () => {
  const macOf = (secret: string, text: string): string =>
    Buffer.from(createMac(Buffer.from(secret, 'hex'), MAX_LENGTH).sign(text), 'base64url').toString('hex')
  expect(macOf('0b'.repeat(20), 'Hi There')).toBe(
    'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
  )
  expect(macOf('aa'.repeat(131), 'Test Using Larger Than Block-Size Key - Hash Key First')).toBe(
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  )
})

it('refuses a MAC with one different bit, of another length, or of another input', () => {
  const mac = createMac(Buffer.alloc(32, 7), MAX_LENGTH)
  const good = Buffer.from(mac.sign('input'), 'base64url')
  for (let bit = 0; bit < 256; bit++) {
    const bad = Buffer.from(good)
    bad[bit >> 3]! ^= 1 << (bit & 7)
    expect(mac.verify('input', bad)).toBe(false)
  }
  expect(mac.verify('input', good.subarray(1))).toBe(false)
  expect(mac.verify('input', Buffer.concat([good, Buffer.alloc(1)]))).toBe(false)
  expect(mac.verify('inpuT', good)).toBe(false)
  expect(mac.verify('input', good)).toBe(true)
})

it('accepts inputs up to the maximal length, in any characters, and throws for longer ones', () => {
  const mac = createMac(Buffer.alloc(32, 7), MAX_LENGTH)
  const longest = '€'.repeat(MAX_LENGTH)
  expect(mac.sign(longest)).toBe(
    createHmac('sha256', Buffer.alloc(32, 7)).update(longest).digest('base64url'),
  )
  expect(() => mac.sign(`${longest}x`)).toThrow(RangeError)
})
