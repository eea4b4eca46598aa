import type { DayOverview } from '../../core/inspection.ts'
import type { Row } from '../connection.ts'
import {
  daysUntil,
  newestOf,
  partsBefore,
  partsOf,
  sampleLimit,
  toSamples,
  totalsOf,
  withNewest,
} from '../inspection/day-parts.ts'
import type { Parameter } from '../parameters.ts'
import { timestamp } from '../times.ts'
import type { AuditQueryName } from './queries.ts'

export type RunAudit = (name: AuditQueryName, values: Parameter[]) => Promise<Row[]>

const DAY = 86_400_000
/** The newest rows, which are all read. They are in the order of time, in the table too. */
const MAX_COUNTED = 20_000
/** Rows of all older parts. */
const MAX_SAMPLED = 10_000
const MAX_REUSE = 10_000

/**
 * What happened on each day, from the audit.
 * @returns null if the audit is younger than the first of the days
 */
export async function readAuditDays(run: RunAudit, at: number, days: number): Promise<DayOverview[] | null> {
  const dates = daysUntil(at, days)
  const since = timestamp(dates[0]!)
  if (((await auditedSince(run)) ?? at) > dates[0]!) return null
  const parts = partsOf(dates, at)
  const [walked, reuse] = await Promise.all([
    run('newestInAudit', [
      parts.map(({ low }) => timestamp(low)),
      since,
      timestamp(parts.at(-1)!.high),
      MAX_COUNTED,
    ]),
    run('countAuditReuse', [since, MAX_REUSE + 1]),
  ])
  const newest = { ...newestOf(walked, MAX_COUNTED), picked: toSamples(walked) }
  const older = partsBefore(parts, newest.cutAt, Math.min(...walked.map((row) => row['oldest'] as number)))
  const limit = sampleLimit(MAX_SAMPLED, older.length)
  const lows = older.map(({ low }) => timestamp(low))
  const highs = older.map(({ high }) => timestamp(high))
  const samples = older.length === 0 ? [] : await run('sampleAudit', [lows, highs, limit])
  const before = totalsOf(dates.length, older, toSamples(samples), limit)
  const theftsOf = countsByDay(reuse)
  return withNewest(before, parts, newest).map(({ exact, rows: all, ends }, index) => ({
    from: dates[index]!,
    signIns: { value: all - (ends.value ?? 0), how: exact ? 'counted' : 'sparse' },
    ends,
    reuse:
      theftsOf === null
        ? { value: null, how: 'unknown' }
        : { value: theftsOf.get(dates[index]! / DAY) ?? 0, how: 'counted' },
  }))
}

/** The time of the oldest sign-in in the audit, or of one up to a day later; null without one. */
export async function auditedSince(run: RunAudit): Promise<number | null> {
  const [oldest] = await run('oldestAudited', [])
  return (oldest?.['at'] as number | undefined) ?? null
}

/** @returns null for more than it counts */
function countsByDay(rows: readonly Row[]): ReadonlyMap<number, number> | null {
  const counts = new Map(rows.map((row) => [Number(row['day']), Number(row['rows'])]))
  return [...counts.values()].reduce((sum, count) => sum + count, 0) > MAX_REUSE ? null : counts
}
