import fc from 'fast-check'
import { expect, it } from 'vitest'
import { END_REASONS } from '../../src/portable/end-reason.ts'
import { reasonOf, valueOfEnd, valueOfVersion, versionOf } from '../../src/portable/revocation-value.ts'

const INT32 = { min: -(2 ** 31), max: 2 ** 31 - 1 }

it('each reason has a code of its own, which never changes', () => {
  expect(END_REASONS.map(valueOfEnd)).toStrictEqual([-1, -2, -3, -4, -5, -6, -7, -8, -9])
  for (const reason of END_REASONS) expect(reasonOf(valueOfEnd(reason))).toBe(reason)
})

it('every other text has the code of `other`, an end that fits 32 bits', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.constantFrom('', 'other', 'unknown', '__proto__', 'Logout')),
      (text) => {
        fc.pre(!(END_REASONS as readonly string[]).includes(text))
        const value = valueOfEnd(text)
        expect(value).toBe(value | 0)
        expect(value).toBeLessThan(0)
        expect(reasonOf(value)).toBe('other')
      },
    ),
  )
})

it('every negative code is an end, and no version has a code of 0 or below', () => {
  fc.assert(
    fc.property(fc.integer(INT32), (number) => {
      if (number < 0) expect(reasonOf(number)).not.toBeNull()
      const value = valueOfVersion(number)
      expect(value).toBe(value | 0)
      expect(value).toBeGreaterThan(0)
      expect(reasonOf(value)).toBeNull()
      expect(versionOf(value)).toBe(Math.min(Math.max(number, 0), 2 ** 31 - 2))
    }),
  )
})
