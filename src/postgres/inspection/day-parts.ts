import type { EndFigure } from '../../core/inspection.ts'
import type { Row } from '../connection.ts'

const DAY = 86_400_000
const PARTS_PER_DAY = 24
/** Multiples of it modulo 1 fill the interval evenly and never repeat. */
const GOLDEN_RATIO = 0.618_033_988_749_895

/** A part of a day, in ms: from `low` to before `high`. */
export interface Part {
  /** The day, from 0 for the oldest. */
  readonly day: number
  readonly low: number
  readonly high: number
}

/** The first rows of a part, in the order of time: all of them, or as many as the walk reads. */
export interface Sample {
  readonly rows: number
  /** The time of the last of them. */
  readonly last: number
  /** Of the rows that ended. Sign-ins have no reason. */
  readonly byReason: Readonly<Record<string, number>>
}

/** The number of rows of a day, and those that ended by reason. */
export interface DayTotal {
  readonly exact: boolean
  readonly rows: number
  readonly ends: EndFigure
}

/** The begin of each of the days until `at`, in UTC, the oldest first. */
export function daysUntil(at: number, days: number): number[] {
  const today = Math.floor(at / DAY) * DAY
  return Array.from({ length: days }, (_, index) => today - (days - 1 - index) * DAY)
}

/**
 * Cuts days into parts of about an hour. Many programs sign in on the hour, so no part but the first of a day begins at a
 * round time.
 */
export function partsOf(days: readonly number[], at: number): Part[] {
  return days.flatMap((from, day) => {
    const end = Math.min(from + DAY, at + 1)
    const cuts = Array.from({ length: PARTS_PER_DAY }, (_, index) => {
      const chance = ((day * PARTS_PER_DAY + index + 1) * GOLDEN_RATIO) % 1
      return Math.floor(from + ((index + chance) * DAY) / PARTS_PER_DAY)
    }).filter((cut) => cut > from && cut < end)
    const bounds = [from, ...cuts, end]
    return bounds.slice(1).map((high, index) => ({ day, low: bounds[index]!, high }))
  })
}

/**
 * The samples of the parts, by their place from 0. Each row has the number of a part from 1, a reason, the number of entries
 * with both, and the time of the last of them. Entries without a reason are no ends.
 */
export function toSamples(rows: readonly Row[]): Map<number, Sample> {
  const samples = new Map<number, Sample>()
  for (const row of rows) {
    const index = Number(row['n']) - 1
    const before = samples.get(index) ?? { rows: 0, last: 0, byReason: {} }
    const count = Number(row['rows'])
    const reason = row['reason'] as string | null
    samples.set(index, {
      rows: before.rows + count,
      last: Math.max(before.last, row['last'] as number),
      byReason: reason === null ? before.byReason : { ...before.byReason, [reason]: count },
    })
  }
  return samples
}

/**
 * What the samples say of each day. A sample that is not whole stands for its part at the rate of its rows.
 * @param limit how many rows the walk reads of a part
 */
export function totalsOf(
  days: number,
  parts: readonly Part[],
  samples: ReadonlyMap<number, Sample>,
  limit: number,
): DayTotal[] {
  const totals = Array.from({ length: days }, () => ({
    exact: true,
    rows: 0,
    byReason: {} as Record<string, number>,
  }))
  parts.forEach((part, index) => {
    const sample = samples.get(index)
    if (sample === undefined) return
    const total = totals[part.day]!
    const { rows, byReason } = sample
    const isWhole = rows < limit
    const next = parts[index + 1]
    // The first part begins at midnight, when much may happen at once. The rate of the next part is more typical.
    const isFirst = parts[index - 1]?.day !== part.day && next?.day === part.day
    const rate = isFirst ? rateOf(next, samples.get(index + 1), limit) : rateOf(part, sample, limit)
    const weight = isWhole ? 1 : Math.max(1, (rate * (part.high - part.low)) / rows)
    total.exact &&= isWhole
    total.rows += rows * weight
    for (const [reason, count] of Object.entries(byReason))
      total.byReason[reason] = (total.byReason[reason] ?? 0) + count * weight
  })
  return totals.map(({ exact, rows, byReason }) => ({
    exact,
    rows: Math.round(rows),
    ends: toEnds(exact, byReason),
  }))
}

/** Rows per ms. */
function rateOf({ low, high }: Part, sample: Sample | undefined, limit: number): number {
  if (sample === undefined) return 0
  const { rows, last } = sample
  return rows < limit ? rows / (high - low) : (rows - 1) / Math.max(1, last - low)
}

function toEnds(exact: boolean, weighed: Readonly<Record<string, number>>): EndFigure {
  const byReason = Object.fromEntries(
    Object.entries(weighed).map(([reason, count]) => [reason, Math.round(count)]),
  )
  const value = Object.values(byReason).reduce((sum, count) => sum + count, 0)
  return { value, how: exact ? 'counted' : 'sampled', byReason }
}
