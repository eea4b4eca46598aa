import type { Row } from './connection.ts'
import type { Parameter } from './parameters.ts'
import type { SessionCounts, StatusOptions } from './store-status.ts'
import { dayOf, timestamp } from './times.ts'

/** Runs a statement that returns one row. */
export type QueryOne = (text: string, values?: Parameter[]) => Promise<Row>

/** Above this many rows the planner's estimates replace the count, unless `exact` is set. */
const MAX_COUNTED = 1_000_000
/** Rows per statement, so that each answers within a fraction of a second. */
const BATCH = 50_000

const NOT_EXPIRED = 'expires_at > $1 and (absolute_expires_at is null or absolute_expires_at > $1)'
// Without `coalesce`, for which the planner has no statistics.
const LAST_SEEN_BEFORE = '(turned_at < $1 or (turned_at is null and created_at < $1))'

// A row with one of `ended_at` and `end_reason` has ended. The oldest PostgreSQL that Pawl supports has no `max(uuid)`.
const COUNT_BATCH = `with batch as (
    select id, coalesce(ended_at, case when end_reason is not null then created_at end) as ended_at, expires_at, absolute_expires_at, turned_at, created_at, prune_on,
      device_key is not null as bound
    from :sessions where $4::uuid is null or id > $4 order by id limit $5
  )
  select count(*) as rows, max(id::text collate "C") as last,
    count(*) filter (where ended_at is not null) as ended,
    count(*) filter (where ended_at is null and ${NOT_EXPIRED}) as active,
    count(*) filter (where ended_at is null and ${NOT_EXPIRED} and bound) as bound,
    count(*) filter (where prune_on <= $2) as prunable,
    count(*) filter (where ended_at is null and coalesce(turned_at, created_at) < $3) as last_seen_before
  from batch`

/** @throws TypeError for a large table on an engine whose planner gives no estimates */
export async function countSessions(
  queryOne: QueryOne,
  now: number,
  options: StatusOptions,
): Promise<SessionCounts> {
  const { exact = false } = options
  if (!exact && (await estimatedRows(queryOne)) > MAX_COUNTED) return estimateSessions(queryOne, now, options)
  const counted = await countInBatches(
    queryOne,
    now,
    options,
    exact ? Number.POSITIVE_INFINITY : 2 * MAX_COUNTED,
  )
  // The planner estimated far too few rows, or gave no estimate.
  return counted ?? estimateSessions(queryOne, now, options)
}

/** @returns `null` once more than `limit` rows have been read */
async function countInBatches(
  queryOne: QueryOne,
  now: number,
  { lastSeenBefore, onProgress }: StatusOptions,
  limit: number,
): Promise<SessionCounts | null> {
  const sum = { rows: 0, active: 0, bound: 0, ended: 0, prunable: 0, lastSeenBefore: 0 }
  for (let last: string | null = null; ; ) {
    const batch = await queryOne(COUNT_BATCH, [
      timestamp(now),
      dayOf(now),
      timestamp(lastSeenBefore?.getTime() ?? null),
      last,
      BATCH,
    ])
    sum.rows += Number(batch['rows'])
    sum.active += Number(batch['active'])
    sum.bound += Number(batch['bound'])
    sum.ended += Number(batch['ended'])
    sum.prunable += Number(batch['prunable'])
    sum.lastSeenBefore += Number(batch['last_seen_before'])
    if (Number(batch['rows']) < BATCH) break
    onProgress?.(sum.rows)
    last = batch['last'] as string
    if (sum.rows > limit) return null
  }
  return {
    exact: true,
    active: sum.active,
    bound: sum.bound,
    expired: sum.rows - sum.active - sum.ended,
    ended: sum.ended,
    prunable: sum.prunable,
    lastSeenBefore: lastSeenBefore === undefined ? null : sum.lastSeenBefore,
  }
}

async function estimateSessions(
  queryOne: QueryOne,
  now: number,
  { lastSeenBefore }: StatusOptions,
): Promise<SessionCounts> {
  const rows = (condition: string, values: Parameter[] = []): Promise<number> =>
    estimateRows(queryOne, condition, values)
  const isActive = `ended_at is null and ${NOT_EXPIRED}`
  const active = await rows(isActive, [timestamp(now)])
  return {
    exact: false,
    active,
    bound: Math.min(active, await rows(`${isActive} and device_key is not null`, [timestamp(now)])),
    expired: Math.max(0, (await rows('ended_at is null')) - active),
    ended: await rows('ended_at is not null'),
    prunable: await rows('prune_on <= $1', [dayOf(now)]),
    lastSeenBefore:
      lastSeenBefore === undefined
        ? null
        : await rows(`ended_at is null and ${LAST_SEEN_BEFORE}`, [timestamp(lastSeenBefore.getTime())]),
  }
}

/** All rows of the table; 0 on an engine whose planner gives no estimates. */
function estimatedRows(queryOne: QueryOne): Promise<number> {
  return estimateRows(queryOne, 'true', []).catch(() => 0)
}

/** The planner's estimate. @throws TypeError when the engine explains a plan in another form */
async function estimateRows(queryOne: QueryOne, condition: string, values: Parameter[]): Promise<number> {
  const row = await queryOne(`explain (format json) select 1 from :sessions where ${condition}`, values)
  const [explanation] = Object.values(row)[0] as [{ Plan?: { 'Plan Rows'?: unknown } }?]
  const rows = explanation?.Plan?.['Plan Rows']
  if (typeof rows !== 'number') throw new TypeError('EXPLAIN returned a plan without `Plan Rows`')
  return rows
}
