import type { SessionCounts, StatusOptions } from '../core/store-status.ts'
import type { Row } from './connection.ts'
import { estimateRows, hasEstimates } from './estimate-rows.ts'
import type { Parameter } from './parameters.ts'
import { dayOf, timestamp } from './times.ts'

/** Runs a statement that returns one row. */
export type QueryOne = (text: string, values?: Parameter[]) => Promise<Row>

/** How the rows are counted. */
export interface Counting {
  /** The escaped name of the table. */
  readonly table: string
  /** Whether the rows are on several nodes, which count their parts at the same time. */
  readonly distributed: boolean
  /** A clock in milliseconds. */
  readonly elapsed: () => number
  /** Above this many rows the planner's estimates replace the count, unless `exact` is set. @defaultValue 1,000,000 */
  readonly maxRows?: number
  /** Milliseconds after which the planner's estimates replace the count, unless `exact` is set. @defaultValue 2000 */
  readonly within?: number
}

const MAX_COUNTED = 1_000_000
const COUNT_WITHIN = 2000
/** Rows per statement, so that each answers within a fraction of a second. */
const BATCH = 50_000
/** The same on several nodes. */
const DISTRIBUTED_BATCH = 250_000

const NOT_EXPIRED = 'expires_at > $1 and (absolute_expires_at is null or absolute_expires_at > $1)'
// Without `coalesce`, for which the planner has no statistics.
const LAST_SEEN_BEFORE = '(turned_at < $1 or (turned_at is null and created_at < $1))'

// A row with one of `ended_at` and `end_reason` has ended.
const COUNTED_COLUMNS = `id, coalesce(ended_at, case when end_reason is not null then created_at end) as ended_at,
    expires_at, absolute_expires_at, turned_at, created_at, prune_on, device_key is not null as bound`
const COUNTS = `count(*) as rows,
    count(*) filter (where ended_at is not null) as ended,
    count(*) filter (where ended_at is null and ${NOT_EXPIRED}) as active,
    count(*) filter (where ended_at is null and ${NOT_EXPIRED} and bound) as bound,
    count(*) filter (where prune_on <= $2) as prunable,
    count(*) filter (where ended_at is null and coalesce(turned_at, created_at) < $3) as last_seen_before`

// The oldest PostgreSQL that Pawl supports has no `max(uuid)`.
const COUNT_BATCH = `with batch as (
    select ${COUNTED_COLUMNS} from :sessions where $4::uuid is null or id > $4 order by id limit $5
  )
  select ${COUNTS}, max(id::text collate "C") as last from batch`

// Each node counts its part of a range. With a limit, each node would send that many rows to the coordinator.
const COUNT_RANGE = `select ${COUNTS}
  from (select ${COUNTED_COLUMNS} from :sessions where id >= $4 and id <= $5) as batch`
const FIRST_ID = 'select id from :sessions order by id limit 1'
const LAST_ID = 'select id from :sessions order by id desc limit 1'

/** @returns `null` for a table too large to be counted in time, of which the planner has no estimates */
export async function countSessions(
  queryOne: QueryOne,
  now: number,
  options: StatusOptions,
  counting: Counting,
): Promise<SessionCounts | null> {
  const { lastSeenBefore, exact = false } = options
  const values = [timestamp(now), dayOf(now), timestamp(lastSeenBefore?.getTime() ?? null)]
  const count = counting.distributed ? countRanges : countBatches
  if (exact) return toCounts(await count(queryOne, values, options, () => false), lastSeenBefore)

  const { maxRows = MAX_COUNTED, within = COUNT_WITHIN } = counting
  // A coordinator makes no estimate of the rows on other nodes.
  const estimates = !counting.distributed && (await hasEstimates(queryOne, counting.table))
  if (estimates && (await estimateRows(queryOne, 'true', []))! > maxRows)
    return estimateSessions(queryOne, now, options)
  const startedAt = counting.elapsed()
  const isLate = (rows: number): boolean =>
    counting.elapsed() - startedAt >= within || (estimates && rows > 2 * maxRows)
  const sum = await count(queryOne, values, options, isLate)
  if (sum !== null) return toCounts(sum, lastSeenBefore)
  return estimates ? estimateSessions(queryOne, now, options) : null
}

type Sum = Record<'rows' | 'active' | 'bound' | 'ended' | 'prunable' | 'last_seen_before', number>

function emptySum(): Sum {
  return { rows: 0, active: 0, bound: 0, ended: 0, prunable: 0, last_seen_before: 0 }
}

/** @returns the rows that it added */
function add(sum: Sum, batch: Row): number {
  for (const name of Object.keys(sum) as (keyof Sum)[]) sum[name] += Number(batch[name])
  return Number(batch['rows'])
}

/** @param isLate asked after each batch. @returns `null` once it is late */
async function countBatches(
  queryOne: QueryOne,
  values: readonly Parameter[],
  { onProgress }: StatusOptions,
  isLate: (rows: number) => boolean,
): Promise<Sum | null> {
  const sum = emptySum()
  for (let last: string | null = null; ; ) {
    const batch = await queryOne(COUNT_BATCH, [...values, last, BATCH])
    if (add(sum, batch) < BATCH) return sum
    onProgress?.(sum.rows)
    last = batch['last'] as string
    if (isLate(sum.rows)) return null
  }
}

/** Ids fill their range evenly, by chance or by time, so the rows of one range tell how wide the next may be. */
async function countRanges(
  queryOne: QueryOne,
  values: readonly Parameter[],
  { onProgress, exact = false }: StatusOptions,
  isLate: (rows: number) => boolean,
): Promise<Sum | null> {
  const sum = emptySum()
  const first = (await queryOne(FIRST_ID))['id'] as string | undefined
  if (first === undefined) return sum
  const end = toNumber((await queryOne(LAST_ID))['id'] as string)
  let from = toNumber(first)
  let width = (end - from) / (exact ? 1024n : 64n) + 1n
  while (from <= end) {
    const to = from + width - 1n < end ? from + width - 1n : end
    const rows = add(sum, await queryOne(COUNT_RANGE, [...values, toUuid(from), toUuid(to)]))
    from = to + 1n
    if (from > end) break
    onProgress?.(sum.rows)
    if (isLate(sum.rows)) return null
    if (rows < DISTRIBUTED_BATCH / 4) width *= 4n
    else if (rows > DISTRIBUTED_BATCH * 2) width = width / 4n + 1n
  }
  return sum
}

function toNumber(uuid: string): bigint {
  return BigInt(`0x${uuid.replaceAll('-', '')}`)
}

/** PostgreSQL reads a UUID without hyphens. */
function toUuid(number: bigint): string {
  return number.toString(16).padStart(32, '0')
}

function toCounts(sum: Sum | null, lastSeenBefore: Date | undefined): SessionCounts | null {
  if (sum === null) return null
  return {
    exact: true,
    active: sum.active,
    bound: sum.bound,
    expired: sum.rows - sum.active - sum.ended,
    ended: sum.ended,
    prunable: sum.prunable,
    lastSeenBefore: lastSeenBefore === undefined ? null : sum.last_seen_before,
  }
}

/** @returns `null` if one of the plans has no estimate */
async function estimateSessions(
  queryOne: QueryOne,
  now: number,
  { lastSeenBefore }: StatusOptions,
): Promise<SessionCounts | null> {
  const isActive = `ended_at is null and ${NOT_EXPIRED}`
  const at = timestamp(now)
  const active = await estimateRows(queryOne, isActive, [at])
  const bound = await estimateRows(queryOne, `${isActive} and device_key is not null`, [at])
  const notEnded = await estimateRows(queryOne, 'ended_at is null', [])
  const ended = await estimateRows(queryOne, 'ended_at is not null', [])
  const prunable = await estimateRows(queryOne, 'prune_on <= $1', [dayOf(now)])
  const lastSeen =
    lastSeenBefore === undefined
      ? 0
      : await estimateRows(queryOne, `ended_at is null and ${LAST_SEEN_BEFORE}`, [
          timestamp(lastSeenBefore.getTime()),
        ])
  if (active === null || bound === null || notEnded === null || ended === null) return null
  if (prunable === null || lastSeen === null) return null
  return {
    exact: false,
    active,
    bound: Math.min(active, bound),
    expired: Math.max(0, notEnded - active),
    ended,
    prunable,
    lastSeenBefore: lastSeenBefore === undefined ? null : lastSeen,
  }
}
