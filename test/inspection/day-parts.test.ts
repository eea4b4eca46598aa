import { expect, it } from 'vitest'
import {
  daysUntil,
  partsOf,
  type Sample,
  toSamples,
  totalsOf,
  withNewest,
} from '../../src/postgres/inspection/day-parts.ts'

const DAY = 86_400_000
const HOUR = 3_600_000
const AT = Date.UTC(2030, 0, 3, 9, 30)
const MIDNIGHT = Date.UTC(2030, 0, 3)

/** The samples of events at these times. */
function samplesOf(
  parts: ReturnType<typeof partsOf>,
  times: readonly number[],
  limit: number,
): Map<number, Sample> {
  return new Map(
    parts.flatMap(({ low, high }, index): [number, Sample][] => {
      const found = times.filter((time) => time >= low && time < high).slice(0, limit)
      if (found.length === 0) return []
      return [[index, { rows: found.length, last: found.at(-1)!, byReason: { logout: found.length } }]]
    }),
  )
}

function estimate(times: readonly number[], limit: number, days = 2): ReturnType<typeof totalsOf> {
  const from = daysUntil(AT, days)
  const parts = partsOf(from, AT)
  return totalsOf(days, parts, samplesOf(parts, times, limit), limit)
}

it('cuts whole days and the present one, without a gap', () => {
  const days = daysUntil(AT, 3)
  expect(days).toStrictEqual([MIDNIGHT - 2 * DAY, MIDNIGHT - DAY, MIDNIGHT])
  const parts = partsOf(days, AT)
  expect(parts[0]!.low).toBe(days[0])
  expect(parts.at(-1)!.high).toBe(AT + 1)
  for (const [index, { low, high }] of parts.entries()) {
    expect(high).toBeGreaterThan(low)
    if (index > 0) expect(low).toBe(parts[index - 1]!.high)
    expect(high - low).toBeLessThanOrEqual(2 * HOUR)
  }
  expect(parts.filter(({ day }) => day === 0)).toHaveLength(25)
})

it('counts exactly what the walk reads whole, also at the bounds of days', () => {
  const times = [MIDNIGHT - DAY, MIDNIGHT - 1, MIDNIGHT, AT]
  const [yesterday, today] = estimate(times, 10)
  expect(yesterday).toStrictEqual({
    exact: true,
    rows: 2,
    ends: { value: 2, how: 'counted', byReason: { logout: 2 } },
  })
  expect(today).toMatchObject({ exact: true, rows: 2 })
})

it.each(['constructor', 'toString', '__proto__'])('counts ends for the reason %s', (reason) => {
  const parts = partsOf(daysUntil(AT, 1), AT)
  const samples = toSamples([{ n: 1, reason, rows: 2, last: MIDNIGHT }])
  const byReason = (count: number): unknown => Object.fromEntries([[reason, count]])
  const counted = totalsOf(1, parts, samples, 10)
  expect(counted[0]!.ends).toStrictEqual({ value: 2, how: 'counted', byReason: byReason(2) })
  const newest = { rows: new Map([[0, 2]]), picked: samples, cutAt: null }
  const [both] = withNewest(counted, parts, newest)
  expect(both!.ends).toStrictEqual({ value: 4, how: 'counted', byReason: byReason(4) })
})

it('estimates a steady rate within a twentieth', () => {
  const times = Array.from({ length: 86_400 }, (_, index) => MIDNIGHT - DAY + index * 1000)
  const [yesterday] = estimate(times, 20)
  expect(yesterday).toMatchObject({ exact: false, ends: { how: 'sparse' } })
  expect(yesterday!.rows / 86_400).toBeGreaterThan(0.95)
  expect(yesterday!.rows / 86_400).toBeLessThan(1.05)
})

it('estimates a rate that changes over the day within a tenth', () => {
  const times: number[] = []
  for (let time = MIDNIGHT - DAY; time < MIDNIGHT; ) {
    times.push(time)
    time += 500 + 450 * Math.cos(((time - MIDNIGHT) / DAY) * 2 * Math.PI)
  }
  const [yesterday] = estimate(times, 20)
  expect(yesterday!.rows / times.length).toBeGreaterThan(0.9)
  expect(yesterday!.rows / times.length).toBeLessThan(1.1)
})

it('does not take a burst at midnight for the rate of an hour', () => {
  const steady = Array.from({ length: 1440 }, (_, index) => MIDNIGHT - DAY + index * 60_000)
  const burst = Array.from({ length: 5000 }, (_, index) => MIDNIGHT - DAY + index)
  const [yesterday] = estimate(
    [...burst, ...steady].sort((a, b) => a - b),
    200,
  )
  expect(yesterday!.exact).toBe(false)
  expect(yesterday!.rows).toBeLessThan(2500)
})
