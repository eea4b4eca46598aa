import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dayOf, firstDay, timestamp } from '../../src/postgres/times.ts'

const LAST = Date.parse('9999-12-31T00:00:00Z')

describe('times as PostgreSQL reads them', () => {
  it('are those of Date', () => {
    fc.assert(
      fc.property(fc.integer({ min: -LAST / 100, max: LAST }), (ms) => {
        expect(timestamp(ms)).toBe(new Date(ms).toISOString())
        expect(dayOf(ms)).toBe(new Date(ms).toISOString().slice(0, 10))
      }),
    )
  })

  it('have no parts of a millisecond', () => {
    expect(timestamp(1_700_000_000_999.9)).toBe('2023-11-14T22:13:20.999Z')
  })

  it('may be none', () => {
    expect(timestamp(null)).toBeNull()
  })

  it('stay right after more days than are remembered', () => {
    const days = Array.from({ length: 200 }, (_, day) => day * 86_400_000)
    const written = days.map((ms) => new Date(ms).toISOString().slice(0, 10))
    expect(days.map(dayOf)).toStrictEqual(written)
    expect(days.map(dayOf)).toStrictEqual(written)
  })

  it('are rounded up to the day from which on something may happen', () => {
    const midnight = Date.parse('2026-11-28T00:00:00Z')
    expect([midnight, midnight + 1, midnight - 1].map(firstDay)).toStrictEqual([
      '2026-11-28',
      '2026-11-29',
      '2026-11-28',
    ])
  })

  it('are refused where they are none', () => {
    for (const ms of [Number.NaN, Number.POSITIVE_INFINITY]) expect(() => timestamp(ms)).toThrow(RangeError)
  })
})
