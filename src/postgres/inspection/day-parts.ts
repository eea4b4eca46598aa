import type { EndFigure, FigureSource } from '../../core/inspection.ts'
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

/** The newest entries of an index, all of them counted. */
export interface Newest {
  /** By the place of the part. */
  readonly rows: ReadonlyMap<number, number>
  /** The reasons of all entries, or of every so many, by the place of the part. */
  readonly picked: ReadonlyMap<number, Sample>
  /** The place of the oldest part, which the walk may not have read whole; `null` if no older entry exists. */
  readonly cutAt: number | null
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
    const index = indexOf(row)
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
 * What the samples say of each day. A sample that is not whole stands for its part at the rate of its rows, so a burst that
 * comes later in the part is missing.
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
    byReason: new Map<string, number>(),
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
    for (const [reason, count] of Object.entries(byReason)) add(total.byReason, reason, count * weight)
  })
  return totals.map(({ exact, rows, byReason }) => ({
    exact,
    rows: Math.round(rows),
    ends: toEnds(exact ? 'counted' : 'sparse', byReason),
  }))
}

/** The number of entries in each part, and the part in which a walk met its bound. */
export function newestOf(walked: readonly Row[], bound: number): Omit<Newest, 'picked'> {
  const rows = new Map<number, number>()
  for (const row of walked) rows.set(indexOf(row), (rows.get(indexOf(row)) ?? 0) + Number(row['rows']))
  const all = [...rows.values()].reduce((sum, count) => sum + count, 0)
  return { rows, cutAt: all < bound ? null : Math.min(...rows.keys()) }
}

/**
 * The parts before the newest entries.
 * @param oldest the time of the oldest of these
 */
export function partsBefore(parts: readonly Part[], cutAt: number | null, oldest: number): Part[] {
  if (cutAt === null) return []
  const cut = { ...parts[cutAt]!, high: oldest }
  return [...parts.slice(0, cutAt), ...(cut.low < oldest ? [cut] : [])]
}

/** How many entries to read of each part. */
export function sampleLimit(sampled: number, parts: number): number {
  return Math.max(2, Math.floor(sampled / Math.max(1, parts)))
}

/** The place of a row's part. Statements count from 1. */
export function indexOf(row: Row): number {
  return Number(row['n']) - 1
}

/** Adds the newest entries to the totals of older ones. */
export function withNewest(
  older: readonly DayTotal[],
  parts: readonly Part[],
  { rows, picked, cutAt }: Newest,
): DayTotal[] {
  const all = [...picked.values()]
  const cutDay = cutAt === null ? null : parts[cutAt]!.day
  return older.map((total, day) => {
    const isOfDay = (index: number): boolean => parts[index]!.day === day
    const newest = [...rows].reduce((sum, [index, count]) => sum + (isOfDay(index) ? count : 0), 0)
    const exact = total.exact && day !== cutDay
    if (newest === 0) return { ...total, exact }
    const own = [...picked].filter(([index]) => isOfDay(index)).map(([, sample]) => sample)
    const byReason = new Map(Object.entries(total.ends.byReason))
    for (const [reason, share] of sharesOf(own.length === 0 ? all : own))
      add(byReason, reason, newest * share)
    const isWhole = own.reduce((sum, sample) => sum + sample.rows, 0) === newest
    const ends = toEnds(exact ? (isWhole ? 'counted' : 'sampled') : 'sparse', byReason)
    return { exact, rows: total.rows + newest, ends }
  })
}

/** The share of each reason in all entries. */
function sharesOf(samples: readonly Sample[]): [reason: string, share: number][] {
  const all = samples.reduce((sum, { rows }) => sum + rows, 0)
  return samples.flatMap(({ byReason }) =>
    Object.entries(byReason).map(([reason, count]): [string, number] => [reason, count / all]),
  )
}

/** Rows per ms. */
function rateOf({ low, high }: Part, sample: Sample | undefined, limit: number): number {
  if (sample === undefined) return 0
  const { rows, last } = sample
  return rows < limit ? rows / (high - low) : (rows - 1) / Math.max(1, last - low)
}

/** A map, because another program may write any reason: an object has a `constructor` already. */
function add(byReason: Map<string, number>, reason: string, count: number): void {
  byReason.set(reason, (byReason.get(reason) ?? 0) + count)
}

function toEnds(how: FigureSource, weighed: ReadonlyMap<string, number>): EndFigure {
  const byReason = Object.fromEntries([...weighed].map(([reason, count]) => [reason, Math.round(count)]))
  const value = Object.values(byReason).reduce((sum, count) => sum + count, 0)
  return { value, how, byReason }
}
