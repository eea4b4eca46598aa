import { expect, it } from 'vitest'
import { randomBytes } from '../../src/core/keys/random.ts'

it('returns the requested number of bytes, never repeats them, and never changes them later', () => {
  const given = Array.from({ length: 2000 }, (_, index) => randomBytes(16 + (index % 3) * 8))
  const before = given.map((bytes) => bytes.toString('hex'))
  expect(given.map(({ length }) => length)).toStrictEqual(given.map((_, index) => 16 + (index % 3) * 8))
  // Two 8-byte pieces are equal once in 10^12 runs.
  const pieces = given.flatMap((bytes) => [0, 8].map((at) => bytes.subarray(at, at + 8).toString('hex')))
  expect(new Set(pieces).size).toBe(pieces.length)
  expect(given.map((bytes) => bytes.toString('hex'))).toStrictEqual(before)
  const ones = Buffer.concat(given).reduce(
    (sum, byte) => sum + byte.toString(2).replaceAll('0', '').length,
    0,
  )
  const bits = Buffer.concat(given).length * 8
  // Five standard deviations.
  expect(Math.abs(ones - bits / 2)).toBeLessThan((5 * Math.sqrt(bits)) / 2)
})
