import type { Connection } from './connection.ts'
import { MIGRATIONS } from './migrations.ts'
import type { Names } from './names.ts'
import { sqlState } from './sqlstate.ts'
import { dayOf } from './times.ts'

/** What {@link PostgresStore.status} may be told. */
export interface StatusOptions {
  /** Counts every session however many there are, in batches. @defaultValue false: above a million they are estimated */
  readonly exact?: boolean
  /** Also counts the sessions that `revokeAll({ seenBefore })` would end. */
  readonly seenBefore?: Date
  /** Hears while sessions are counted how many rows have been read. */
  readonly onProgress?: (rows: number) => void
}

/** Rows of the table of sessions. */
export interface SessionCounts {
  /** Whether they were counted; else they are the planner's estimates. */
  readonly exact: boolean
  /** Neither ended nor expired. */
  readonly live: number
  /** Past their idle or absolute timeout; nobody has ended them. */
  readonly expired: number
  /** Ended, and kept to answer why. */
  readonly ended: number
  /** Of all of these, how many `prune` would delete now. */
  readonly due: number
  /** Not ended and last seen before the time asked about; `null` when none was. */
  readonly seenBefore: number | null
}

/** The state of the database as an operator wants to know it. Whatever the engine does not offer is `null`. */
export interface StoreStatus {
  /** The database's clock. */
  readonly at: Date
  readonly server: {
    readonly version: string
    readonly database: string
    /** Whether it is a standby, which takes no writes. */
    readonly standby: boolean | null
  }
  readonly schema: {
    readonly name: string
    readonly applied: readonly { readonly id: number; readonly at: Date }[]
    /** Migrations this version of Pawl has and the schema lacks. */
    readonly missing: readonly number[]
    /** Migrations of a later version of Pawl; `breaking` ones that this version cannot work with. */
    readonly unknown: readonly { readonly id: number; readonly breaking: boolean }[]
  }
  readonly sessions: SessionCounts | null
  /** Sessions ended or changed in the last 20 minutes: what the feed has every process remember. */
  readonly revocations: number | null
  /** The table of sessions, with its indexes. */
  readonly table: {
    readonly bytes: number | null
    readonly liveRows: number | null
    readonly deadRows: number | null
    /** Share of updates that rewrote the row in place (HOT), 0 to 1; `null` before the first. */
    readonly hotUpdates: number | null
    /** The last VACUUM, by hand or automatic. */
    readonly vacuumedAt: Date | null
  } | null
  readonly notifications: {
    /** Processes that listen for revocations, as far as this role may see them. */
    readonly listeners: number | null
    /** How full the server's queue of notifications is, 0 to 1. */
    readonly queueUsage: number | null
  }
}

type Row = Record<string, unknown>

/** Above this many rows they are estimated unless asked for. */
const COUNTED = 1_000_000
/** Rows per statement: each answers within a fraction of a second. */
const BATCH = 50_000
/** A little more than the default life of an access token, which is how long the feed has to remember. */
const FEED_REACH = 20 * 60_000
const UNDEFINED_TABLE = '42P01'
const UNDEFINED_SCHEMA = '3F000'

const NOT_EXPIRED = 'expires_at > $1 and (absolute_expires_at is null or absolute_expires_at > $1)'
// In parts, as the planner has no statistics of a `coalesce`.
const LAST_SEEN_BEFORE = '(turned_at < $1 or (turned_at is null and created_at < $1))'

const SERVER = 'select version() as version, current_database() as database, clock_timestamp() as now'
const LEDGER = 'select id, breaking, applied_at from :migrations order by id'
// `max(uuid)` is younger than the oldest PostgreSQL that Pawl runs on.
const COUNT = `with part as (
    select id, ended_at, expires_at, absolute_expires_at, turned_at, created_at, prune_on
    from :sessions where $4::uuid is null or id > $4 order by id limit $5
  )
  select count(*) as rows, max(id::text collate "C") as last,
    count(*) filter (where ended_at is not null) as ended,
    count(*) filter (where ended_at is null and ${NOT_EXPIRED}) as live,
    count(*) filter (where prune_on <= $2) as due,
    count(*) filter (where ended_at is null and coalesce(turned_at, created_at) < $3) as seen_before
  from part`
const REVOCATIONS = 'select count(*) as count from :sessions where invalidated_at >= $1'
const TABLE = `select pg_total_relation_size(relid) as bytes, n_live_tup, n_dead_tup, n_tup_upd, n_tup_hot_upd,
    greatest(last_vacuum, last_autovacuum) as vacuumed_at
  from pg_stat_user_tables where relid = to_regclass($1)`
const LISTENERS = `select count(*) as count from pg_stat_activity
  where application_name = 'pawl listen' and datname = current_database()`

/** @throws StoreUnavailableError when the database does not answer */
export async function readStatus(
  connection: Connection,
  names: Names,
  schema: string,
  options: StatusOptions,
): Promise<StoreStatus> {
  const one = async (text: string, values: unknown[] = []): Promise<Row> =>
    (await connection.query(names.fill(text), values))[0] ?? {}

  const server = await one(SERVER)
  const now = server['now'] as number
  const ledger = await readLedger(connection, names)
  const known = new Set(MIGRATIONS.map(({ id }) => id))
  const applied = new Set(ledger.map(({ id }) => id))
  const [standby, sessions, revocations, table, listeners, queueUsage] = await Promise.all([
    part(async () => (await one('select pg_is_in_recovery() as standby'))['standby'] as boolean),
    part(() => countSessions(one, now, options)),
    part(async () => Number((await one(REVOCATIONS, [new Date(now - FEED_REACH)]))['count'])),
    part(async () => toTable(await one(TABLE, [names.sessions]))),
    part(async () => Number((await one(LISTENERS))['count'])),
    part(async () => Number((await one('select pg_notification_queue_usage() as usage'))['usage'])),
  ])
  return {
    at: new Date(now),
    server: {
      version: shortVersion(server['version'] as string),
      database: server['database'] as string,
      standby,
    },
    schema: {
      name: schema,
      applied: ledger.filter(({ id }) => known.has(id)).map(({ id, at }) => ({ id, at: new Date(at) })),
      missing: [...known].filter((id) => !applied.has(id)),
      unknown: ledger.filter(({ id }) => !known.has(id)).map(({ id, breaking }) => ({ id, breaking })),
    },
    sessions,
    revocations,
    table,
    notifications: { listeners, queueUsage },
  }
}

/** What an engine lacks, or a role may not see, is no reason to show nothing of the rest. */
async function part<T>(read: () => Promise<T | null>): Promise<T | null> {
  try {
    return await read()
  } catch {
    return null
  }
}

async function readLedger(
  connection: Connection,
  names: Names,
): Promise<{ id: number; breaking: boolean; at: number }[]> {
  try {
    const rows = await connection.query(names.fill(LEDGER), [])
    return rows.map((row) => ({
      id: row['id'] as number,
      breaking: row['breaking'] as boolean,
      at: row['applied_at'] as number,
    }))
  } catch (error) {
    const code = sqlState(error)
    if (code === UNDEFINED_TABLE || code === UNDEFINED_SCHEMA) return []
    throw error
  }
}

type One = (text: string, values?: unknown[]) => Promise<Row>

async function countSessions(
  one: One,
  now: number,
  { exact = false, seenBefore, onProgress }: StatusOptions,
): Promise<SessionCounts | null> {
  const at = new Date(now)
  const today = dayOf(now)
  const estimate = async (condition: string, values: unknown[]): Promise<number> => {
    const plan = await one(`explain (format json) select 1 from :sessions where ${condition}`, values)
    return planRows(Object.values(plan)[0])
  }
  const estimated = async (): Promise<SessionCounts> => {
    const live = await estimate(`ended_at is null and ${NOT_EXPIRED}`, [at])
    return {
      exact: false,
      live,
      expired: Math.max(0, (await estimate('ended_at is null', [])) - live),
      ended: await estimate('ended_at is not null', []),
      due: await estimate('prune_on <= $1', [today]),
      seenBefore:
        seenBefore === undefined
          ? null
          : await estimate(`ended_at is null and ${LAST_SEEN_BEFORE}`, [seenBefore]),
    }
  }
  if (!exact && ((await part(() => estimate('true', []))) ?? 0) > COUNTED) return estimated()

  const sum = { rows: 0, live: 0, ended: 0, due: 0, seenBefore: 0 }
  for (let last: unknown = null; ; ) {
    const batch = await one(COUNT, [at, today, seenBefore ?? null, last, BATCH])
    sum.rows += Number(batch['rows'])
    sum.live += Number(batch['live'])
    sum.ended += Number(batch['ended'])
    sum.due += Number(batch['due'])
    sum.seenBefore += Number(batch['seen_before'])
    if (Number(batch['rows']) < BATCH) break
    onProgress?.(sum.rows)
    last = batch['last']
    // The planner knew of far fewer, or of none, as on engines that explain in another way.
    if (!exact && sum.rows > 2 * COUNTED) return part(estimated)
  }
  return {
    exact: true,
    live: sum.live,
    expired: sum.rows - sum.live - sum.ended,
    ended: sum.ended,
    due: sum.due,
    seenBefore: seenBefore === undefined ? null : sum.seenBefore,
  }
}

/** Out of `explain (format json)`. @throws TypeError for the answer of another engine */
function planRows(json: unknown): number {
  const [explained] = json as [{ Plan?: { 'Plan Rows'?: unknown } }?]
  const rows = explained?.Plan?.['Plan Rows']
  if (typeof rows !== 'number') throw new TypeError('an unknown form of EXPLAIN')
  return rows
}

function toTable(row: Row): StoreStatus['table'] {
  const number = (name: string): number | null => (row[name] == null ? null : Number(row[name]))
  if (number('bytes') === null && number('n_dead_tup') === null) return null
  const updates = number('n_tup_upd')
  const vacuumedAt = row['vacuumed_at'] as number | null | undefined
  return {
    bytes: number('bytes'),
    liveRows: number('n_live_tup'),
    deadRows: number('n_dead_tup'),
    hotUpdates: updates === null || updates === 0 ? null : (number('n_tup_hot_upd') ?? 0) / updates,
    vacuumedAt: vacuumedAt == null ? null : new Date(vacuumedAt),
  }
}

/** `PostgreSQL 18.4` of all that a build tells about itself. */
function shortVersion(version: string): string {
  return /^[^(,]*?(?= on |\(|,|$)/.exec(version)![0].trim().slice(0, 80)
}
