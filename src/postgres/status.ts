import type { ListenFailure } from '../core/store.ts'
import type { Connection, Row } from './connection.ts'
import { countSessions, type QueryOne } from './count-sessions.ts'
import { appliedMigrations } from './ledger.ts'
import { MIGRATIONS } from './migrations.ts'
import type { Names } from './names.ts'
import { milliseconds } from './queries.ts'
import { describeMissingRights } from './rights.ts'
import type { StatusOptions, StoreStatus } from './store-status.ts'
import { timestamp } from './times.ts'

/** A little more than the default lifetime of an access token, which is how long the feed keeps a revocation. */
const FEED_REACH = 20 * 60_000

const SERVER = `select version() as version, current_database() as database,
  ${milliseconds('clock_timestamp()')} as now`
const STANDBY = 'select pg_is_in_recovery() as standby'
const REVOCATIONS = 'select count(*) as count from :sessions where invalidated_at >= $1'
const TABLE = `select pg_total_relation_size(relid) as bytes, n_live_tup, n_dead_tup, n_tup_upd, n_tup_hot_upd,
    ${milliseconds('greatest(last_vacuum, last_autovacuum)')} as vacuumed_at
  from pg_stat_user_tables where relid = to_regclass($1)`
const LISTENERS = `select count(*) as count from pg_stat_activity
  where application_name = 'pawl listen' and datname = current_database()`
const QUEUE_USAGE = 'select pg_notification_queue_usage() as usage'

/** @throws StoreUnavailableError when the database does not answer */
export async function readStatus(
  connection: Connection,
  names: Names,
  schema: string,
  options: StatusOptions,
  probe: () => Promise<ListenFailure | null> | null,
): Promise<StoreStatus> {
  const queryOne: QueryOne = async (text, values = []) =>
    (await connection.query(names.fill(text), values))[0] ?? {}

  const server = await queryOne(SERVER)
  const now = server['now'] as number
  const ledger = await appliedMigrations(connection, names)
  const known = new Set(MIGRATIONS.map(({ id }) => id))
  const applied = new Set(ledger.map(({ id }) => id))
  const missing = [...known].filter((id) => !applied.has(id))
  const [standby, sessions, revocations, table, listeners, queueUsage] = await Promise.all([
    orNull(async () => (await queryOne(STANDBY))['standby'] as boolean),
    orNull(() => countSessions(queryOne, now, options)),
    orNull(async () => Number((await queryOne(REVOCATIONS, [timestamp(now - FEED_REACH)]))['count'])),
    orNull(async () => toTable(await queryOne(TABLE, [names.sessions]))),
    orNull(async () => Number((await queryOne(LISTENERS))['count'])),
    orNull(async () => Number((await queryOne(QUEUE_USAGE))['usage'])),
  ])
  const missingRights = await orNull(() =>
    describeMissingRights((text, values) => connection.query(text, values), names, schema),
  )
  // After the listeners are counted, because it is one more.
  const listening = standby === true || missing.length > 0 ? UNKNOWN : await readListening(probe)
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
      missing,
      unknown: ledger.filter(({ id }) => !known.has(id)).map(({ id, breaking }) => ({ id, breaking })),
      missingRights,
    },
    sessions,
    revocations,
    table,
    notifications: { listeners, queueUsage, ...listening },
  }
}

const UNKNOWN = { working: null, problem: null }

async function readListening(
  probe: () => Promise<ListenFailure | null> | null,
): Promise<Pick<StoreStatus['notifications'], 'working' | 'problem'>> {
  const probing = probe()
  if (probing === null) return UNKNOWN
  const failure = await probing
  const problem = failure === null || failure.kind === 'unsupported' ? null : failure.error.message
  return { working: failure === null, problem }
}

/** A part that the engine lacks or the role may not read must not hide the other parts. */
async function orNull<T>(read: () => Promise<T | null>): Promise<T | null> {
  try {
    return await read()
  } catch {
    return null
  }
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

/** `PostgreSQL 18.4`, without the details of the build. */
function shortVersion(version: string): string {
  return /^[^(,]*?(?= on |\(|,|$)/.exec(version)![0].trim().slice(0, 80)
}
