import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dayOf, firstDay, timestamp } from '../../src/postgres/times.ts'

const LAST = Date.parse('9999-12-31T00:00:00Z')

describe('a time written for PostgreSQL', () => {
  it('equals the ISO text of Date', () => {
    fc.assert(
      fc.property(fc.integer({ min: -LAST / 100, max: LAST }), (ms) => {
        expect(timestamp(ms)).toBe(new Date(ms).toISOString())
        expect(dayOf(ms)).toBe(new Date(ms).toISOString().slice(0, 10))
      }),
    )
  })

  it('has no fraction of a millisecond', () => {
    expect(timestamp(1_700_000_000_999.9)).toBe('2023-11-14T22:13:20.999Z')
  })

  it('may be null', () => {
    expect(timestamp(null)).toBeNull()
  })

  it('has the right day for many days in a row', () => {
    const days = Array.from({ length: 200 }, (_, day) => day * 86_400_000)
    const written = days.map((ms) => new Date(ms).toISOString().slice(0, 10))
    expect(days.map(dayOf)).toStrictEqual(written)
    expect(days.map(dayOf)).toStrictEqual(written)
  })

  it('is rounded up to the first day that begins at or after it', () => {
    const midnight = Date.parse('2026-11-28T00:00:00Z')
    expect([midnight, midnight + 1, midnight - 1].map(firstDay)).toStrictEqual([
      '2026-11-28',
      '2026-11-29',
      '2026-11-28',
    ])
  })

  it('is refused when it is not a number', () => {
    for (const ms of [Number.NaN, Number.POSITIVE_INFINITY]) expect(() => timestamp(ms)).toThrow(RangeError)
  })
})
