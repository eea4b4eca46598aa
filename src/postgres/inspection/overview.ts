import type { DayOverview, EndFigure, Figure, StoreOverview } from '../../core/inspection.ts'
import { countSessions, type QueryOne } from '../count-sessions.ts'
import { estimateRows, hasEstimates } from '../estimate-rows.ts'
import type { Names } from '../names.ts'
import { milliseconds } from '../queries.ts'
import { isUnsupported } from '../sqlstate.ts'
import { timestamp } from '../times.ts'
import { AnswerTimeoutError } from '../with-timeout.ts'
import {
  type DayTotal,
  daysUntil,
  indexOf,
  newestOf,
  type Part,
  partsBefore,
  partsOf,
  type Sample,
  sampleLimit,
  toSamples,
  totalsOf,
  withNewest,
} from './day-parts.ts'
import type { QueryRows } from './find-users.ts'
import { walkReuse } from './reuse.ts'

const DAY = 86_400_000
/** Larger tables are estimated. */
const MAX_COUNTED = 50_000
/** Milliseconds for the count of active sessions. */
const COUNT_WITHIN = 60
interface Bounds {
  /** The newest entries of the index, which are all counted. They contain the burst of an incident. */
  readonly newest: number
  /** Entries of all older parts. */
  readonly sampled: number
}

const SIGN_IN_BOUNDS: Bounds = { newest: 15_000, sampled: 8000 }
/** A sampled end reads a row somewhere in the table. */
const END_BOUNDS: Bounds = { newest: 12_000, sampled: 3000 }
/** Up to so many ends, all rows are read. */
const MAX_ENDS_READ = 5000
/** Of more ends, the reason of every tenth is read. */
const PICK_EVERY = 10
/** The same for the search of reuse, which is rare. */
const MAX_REUSE_WALK = 5000

/** Answered by the index alone. */
const NEWEST_SIGN_INS = `select width_bucket(id, $1::uuid[]) as n, count(*) as rows, min(cast(id as text) collate "C") as oldest
  from (select id from :sessions where id >= $2 and id < $3 order by id desc limit $4) as entry group by 1`

/** Counted by the index alone. The parts of the second kind have the reasons of the entries that are picked. */
const NEWEST_ENDS = `with walked as materialized (
    select invalidated_at, row_number() over (order by invalidated_at desc) as place from (
      select invalidated_at from :sessions where invalidated_at >= $2 and invalidated_at < $3
      order by invalidated_at desc limit $4
    ) as entry
  ), picked as (
    select width_bucket(walked.invalidated_at, $1::timestamptz[]) as n, s.reason from walked cross join lateral (
      select case when ended_at is not null or end_reason is not null
          then left(coalesce(end_reason, 'other'), 40) end as reason
      from :sessions s where s.invalidated_at = walked.invalidated_at limit 1
    ) s
    where mod(walked.place, $5) = 1
  )
  select width_bucket(invalidated_at, $1::timestamptz[]) as n, 'walked' as kind, null as reason, count(*) as rows,
    ${milliseconds('min(invalidated_at)')} as oldest from walked group by 1
  union all select n, 'picked', reason, count(*), null from picked group by n, reason`

const SIGN_INS = `select p.n, count(*) as rows, max(cast(s.id as text) collate "C") as last
  from unnest($1::uuid[], $2::uuid[]) with ordinality as p (low, high, n)
    cross join lateral (select id from :sessions where id >= p.low and id < p.high order by id limit $3) s
  group by p.n`

/** A change of claims has no reason. */
const ENDS = `select p.n, s.reason, count(*) as rows, max(s.at) as last
  from unnest($1::timestamptz[], $2::timestamptz[]) with ordinality as p (low, high, n)
    cross join lateral (
      select case when ended_at is not null or end_reason is not null
          then left(coalesce(end_reason, 'other'), 40) end as reason,
        ${milliseconds('invalidated_at')} as at
      from :sessions s where s.invalidated_at >= p.low and s.invalidated_at < p.high
      order by s.invalidated_at limit $3
    ) s
  group by p.n, s.reason`

const LAST_ID = 'select id from :sessions order by id desc limit 1'
const CREATED = `select ${milliseconds(`date_trunc('day', created_at at time zone 'utc') at time zone 'utc'`)} as day, count(*) as rows
  from (select created_at from :sessions order by id limit $1) as entry group by 1`
const ANALYZED = `select ${milliseconds('max(greatest(last_analyze, last_autoanalyze))')} as at
  from pg_stat_user_tables where relid = to_regclass($1)`

const UNKNOWN: Figure = { value: null, how: 'unknown' }
const UNKNOWN_ENDS: EndFigure = { ...UNKNOWN, byReason: {} }

/** The figures of the stored sessions. */
export async function readOverview(
  query: QueryRows,
  names: Names,
  distributed: boolean,
  at: number,
  days: number,
  audited: readonly DayOverview[] | null,
): Promise<StoreOverview> {
  const queryOne: QueryOne = async (text, values = []) => (await query(text, values))[0] ?? {}
  if (audited !== null)
    return {
      active: await orUnknown(countActive(queryOne, names, distributed, at), UNKNOWN),
      source: 'audit',
      days: audited,
    }
  const dates = daysUntil(at, days)
  const parts = partsOf(dates, at)
  const [active, signIns, ends] = await Promise.all([
    orUnknown(countActive(queryOne, names, distributed, at), UNKNOWN),
    orUnknown(
      countSignIns(query, queryOne, names, dates, parts),
      dates.map(() => UNKNOWN),
    ),
    orUnknown(
      countEnds(query, dates, parts),
      dates.map(() => UNKNOWN_ENDS),
    ),
  ])
  const reuse = await orUnknown(
    countReuse(query, dates, ends),
    dates.map(() => UNKNOWN),
  )
  const toDay = (from: number, index: number): DayOverview => ({
    from,
    signIns: signIns[index]!,
    ends: ends[index]!,
    reuse: reuse[index]!,
  })
  return { active, source: 'sessions', days: dates.map(toDay) }
}

/** A distributed engine lacks some statements. Rows that nobody has read for long may take the disk too much time. */
export async function orUnknown<T>(figures: Promise<T>, unknown: T): Promise<T> {
  try {
    return await figures
  } catch (error) {
    if (isUnsupported(error) || error instanceof AnswerTimeoutError) return unknown
    throw error
  }
}

async function countActive(
  queryOne: QueryOne,
  names: Names,
  distributed: boolean,
  at: number,
): Promise<Figure> {
  const counts = await countSessions(
    queryOne,
    at,
    {},
    {
      table: names.sessions,
      distributed,
      elapsed: () => performance.now(),
      maxRows: MAX_COUNTED,
      within: COUNT_WITHIN,
    },
  )
  return counts === null ? UNKNOWN : { value: counts.active, how: counts.exact ? 'counted' : 'estimated' }
}

async function countSignIns(
  query: QueryRows,
  queryOne: QueryOne,
  names: Names,
  days: readonly number[],
  parts: readonly Part[],
): Promise<Figure[]> {
  const last = (await queryOne(LAST_ID))['id'] as string | undefined
  // An id of version 4 comes after those of version 7, except one in a hundred. So there are none among those before the last.
  if (last !== undefined && !(isTimeOrdered(last) && timeOf(last) <= days.at(-1)! + 2 * DAY))
    return countByTime(query, queryOne, names, days)
  const { newest, sampled } = SIGN_IN_BOUNDS
  const walked = await query(NEWEST_SIGN_INS, [
    parts.map(({ low }) => firstIdAt(low)),
    firstIdAt(days[0]!),
    firstIdAt(parts.at(-1)!.high),
    newest,
  ])
  const { rows, cutAt } = newestOf(walked, newest)
  const oldest = Math.min(...walked.map((row) => timeOf(row['oldest'] as string)))
  const older = partsBefore(parts, cutAt, oldest)
  const limit = sampleLimit(sampled, older.length)
  const samples = new Map<number, Sample>()
  if (older.length > 0)
    for (const row of await query(SIGN_INS, [
      older.map(({ low }) => firstIdAt(low)),
      older.map(({ high }) => firstIdAt(high)),
      limit,
    ]))
      samples.set(indexOf(row), {
        rows: Number(row['rows']),
        last: timeOf(row['last'] as string),
        byReason: {},
      })
  return withNewest(totalsOf(days.length, older, samples, limit), parts, {
    rows,
    picked: new Map(),
    cutAt,
  }).map((total) => ({ value: total.rows, how: total.exact ? 'counted' : 'sparse' }))
}

/** For ids that are not in the order of time, which no index is then. */
async function countByTime(
  query: QueryRows,
  queryOne: QueryOne,
  names: Names,
  days: readonly number[],
): Promise<Figure[]> {
  const estimates = await hasEstimates(queryOne, names.sessions)
  if (!estimates || (await estimateRows(queryOne, 'true', []))! <= MAX_COUNTED) {
    const rows = await query(CREATED, [MAX_COUNTED + 1])
    const byDay = new Map(rows.map((row) => [row['day'], Number(row['rows'])]))
    const all = [...byDay.values()].reduce((sum, count) => sum + count, 0)
    if (all <= MAX_COUNTED) return days.map((from) => ({ value: byDay.get(from) ?? 0, how: 'counted' }))
  }
  // The statistics know no later rows.
  const analyzedAt = estimates ? Number((await queryOne(ANALYZED, [names.sessions]))['at'] ?? 0) : 0
  return Promise.all(
    days.map(async (from): Promise<Figure> => {
      if (from + DAY > analyzedAt) return UNKNOWN
      const between = [timestamp(from), timestamp(from + DAY)]
      const value = await estimateRows(queryOne, 'created_at >= $1 and created_at < $2', between)
      return value === null ? UNKNOWN : { value, how: 'estimated' }
    }),
  )
}

async function countEnds(
  query: QueryRows,
  days: readonly number[],
  parts: readonly Part[],
): Promise<EndFigure[]> {
  const { newest, sampled } = END_BOUNDS
  const found = await query(NEWEST_ENDS, [
    parts.map(({ low }) => timestamp(low)),
    timestamp(days[0]!),
    timestamp(parts.at(-1)!.high),
    newest,
    PICK_EVERY,
  ])
  const walked = found.filter(({ kind }) => kind === 'walked')
  const { rows, cutAt } = newestOf(walked, newest)
  const totals = async (of: readonly Part[], limit: number): Promise<DayTotal[]> => {
    const lows = of.map(({ low }) => timestamp(low))
    const highs = of.map(({ high }) => timestamp(high))
    const samples = of.length === 0 ? [] : await query(ENDS, [lows, highs, limit])
    return totalsOf(days.length, of, toSamples(samples), limit)
  }
  const all = [...rows.values()].reduce((sum, count) => sum + count, 0)
  // Another process may end more meanwhile.
  if (all <= MAX_ENDS_READ) return (await totals(parts, MAX_ENDS_READ * 2)).map(({ ends }) => ends)
  const oldest = Math.min(...walked.map((row) => row['oldest'] as number))
  const older = partsBefore(parts, cutAt, oldest)
  const picked = toSamples(found.filter(({ kind }) => kind === 'picked'))
  const before = await totals(older, sampleLimit(sampled, older.length))
  return withNewest(before, parts, { rows, picked, cutAt }).map(({ ends }) => ends)
}

/** A sample would miss most of it. */
async function countReuse(
  query: QueryRows,
  days: readonly number[],
  ends: readonly EndFigure[],
): Promise<Figure[]> {
  const isCounted = ends.every(({ how }) => how === 'counted')
  const walk = isCounted ? null : await walkReuse(query, null, MAX_REUSE_WALK, MAX_REUSE_WALK)
  return days.map((from, index) => {
    const { how, byReason } = ends[index]!
    if (how === 'counted') return { value: byReason['reuse'] ?? 0, how }
    if (walk === null || (walk.searchedBackTo ?? 0) >= from) return UNKNOWN
    const found = walk.found.filter(({ at }) => at >= from && at < from + DAY)
    return { value: found.length, how: 'counted' }
  })
}

/** The first id of version 7 at this time (RFC 9562 section 5.7). PostgreSQL reads a UUID without hyphens. */
function firstIdAt(ms: number): string {
  return ms.toString(16).padStart(12, '0').padEnd(32, '0')
}

function timeOf(id: string): number {
  return Number.parseInt(id.replace('-', '').slice(0, 12), 16)
}

function isTimeOrdered(id: string): boolean {
  return id[14] === '7'
}
