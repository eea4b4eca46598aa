import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dayOf, firstDay, parseTimestamp, timestamp } from '../../src/postgres/times.ts'

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

describe('a time printed by PostgreSQL', () => {
  const FIRST = Date.parse('1000-01-02T00:00:00Z')

  it('is parsed in every time zone and with any number of digits', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: FIRST, max: LAST }),
        fc.integer({ min: -15, max: 15 }),
        fc.constantFrom('', ':00', ':30', ':45'),
        fc.constantFrom('', '999', '400'),
        (ms, hours, minutes, micros) => {
          const ahead = `${hours < 0 ? '-' : '+'}${String(Math.abs(hours)).padStart(2, '0')}`
          const away = 60 * hours + Math.sign(hours || 1) * Number(minutes.slice(1))
          const there = new Date(ms + away * 60_000).toISOString().replace('T', ' ').slice(0, -1)
          const fraction = (there.slice(20) + micros).replace(/0+$/, '')
          const shown = there.slice(0, 19) + (fraction && `.${fraction}`)
          expect(parseTimestamp(shown + ahead + minutes)).toBe(ms)
        },
      ),
    )
  })

  it.each([
    ['2026-11-23 18:06:52.123456+01', '2026-11-23T17:06:52.123Z'],
    ['2026-11-23 18:06:52.1-03:30', '2026-11-23T21:36:52.100Z'],
    ['2026-11-23 18:06:52.999999+00', '2026-11-23T18:06:52.999Z'],
    ['2026-11-23 23:06:52-02', '2026-11-24T01:06:52.000Z'],
    ['2026-01-01 00:06:52+14', '2025-12-31T10:06:52.000Z'],
    ['0099-01-01 00:00:00+00', '0099-01-01T00:00:00.000Z'],
  ])('%s', (text, iso) => {
    expect(new Date(parseTimestamp(text)).toISOString()).toBe(iso)
  })

  it.each(['', 'infinity', '11/23/2026 18:06:52 UTC', '2026-11-23T18:06:52Z', '2026-11-23 18:06:52'])(
    'is refused in another style: %j',
    (text) => {
      expect(() => parseTimestamp(text)).toThrow(TypeError)
    },
  )
})
