import type { DayOverview } from '../../core/inspection.ts'
import type { Row } from '../connection.ts'
import { daysUntil, partsOf, toSamples, totalsOf } from '../inspection/day-parts.ts'
import type { Parameter } from '../parameters.ts'
import { timestamp } from '../times.ts'
import type { AuditQueryName } from './queries.ts'

export type RunAudit = (name: AuditQueryName, values: Parameter[]) => Promise<Row[]>

const DAY = 86_400_000
/** As many rows are counted, and of more a sample is read. They are in the order of time, in the table too. */
const MAX_COUNTED = 20_000
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
  const [[found], reuse] = await Promise.all([
    run('countAudit', [since, MAX_COUNTED + 1]),
    run('countAuditReuse', [since, MAX_REUSE + 1]),
  ])
  const isCounted = Number(found!['rows']) <= MAX_COUNTED
  const limit = isCounted ? MAX_COUNTED + 1 : Math.floor(MAX_SAMPLED / parts.length)
  const rows = await run('sampleAudit', [
    parts.map(({ low }) => timestamp(low)),
    parts.map(({ high }) => timestamp(high)),
    limit,
  ])
  const theftsOf = countsByDay(reuse)
  return totalsOf(dates.length, parts, toSamples(rows), limit).map(({ exact, rows: all, ends }, index) => ({
    from: dates[index]!,
    signIns: { value: all - (ends.value ?? 0), how: exact ? 'counted' : 'sampled' },
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
