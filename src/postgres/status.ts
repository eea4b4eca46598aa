import type { Listening } from '../core/inspection.ts'
import type { ListenFailure } from '../core/store.ts'
import type { StatusOptions, StoredKey, StoreStatus } from '../core/store-status.ts'
import type { Connection, Row } from './connection.ts'
import { countSessions, type QueryOne } from './count-sessions.ts'
import { type Distribution, readDistribution } from './distribution.ts'
import type { Driver } from './driver.ts'
import { LISTENER_NAME } from './drivers/listen-client.ts'
import { type AppliedMigration, appliedMigrations } from './ledger.ts'
import { MIGRATIONS } from './migrations.ts'
import type { Names } from './names.ts'
import { milliseconds } from './queries.ts'
import { describeMissingRights } from './rights.ts'
import { createParts } from './status-parts.ts'
import { readTable } from './status-table.ts'
import { readVacuum } from './status-vacuum.ts'
import { timestamp } from './times.ts'

/** A little more than the default lifetime of an access token, which is how long the feed keeps a revocation. */
const FEED_REACH = 20 * 60_000
/** More revocations are not counted. */
const MAX_REVOCATIONS = 1_000_000
/** How much of a status to read, and how long to wait. Milliseconds. */
export interface StatusScope {
  /** Whether to count sessions and revocations. */
  readonly counts: boolean
  /** For each statement, so that a lock or a dead node does not hold up the other parts. */
  readonly statementWithin: number
  /** For all of them together; `null` waits for each. */
  readonly within: number | null
}

export const WHOLE_STATUS: StatusScope = { counts: true, statementWithin: 3000, within: null }
/** The page of a console waits two seconds. The parts are read in two rounds. */
export const STATUS_OF_PAGE: StatusScope = { counts: false, statementWithin: 800, within: 1700 }

const SERVER = `select version() as version, current_database() as database,
  ${milliseconds('clock_timestamp()')} as now`
const STANDBY = 'select pg_is_in_recovery() as standby'
const REVOCATIONS = `select count(*) as count
  from (select 1 from :sessions where invalidated_at >= $1 limit ${MAX_REVOCATIONS + 1}) as revoked`
const LISTENERS = `select application_name as name, count(*) as processes from pg_stat_activity
  where application_name like '${LISTENER_NAME}%' and datname = current_database() group by 1 order by 1`
const QUEUE_USAGE = 'select pg_notification_queue_usage() as usage'
const KEYS = `select epoch, kid, algorithm, ${milliseconds('created_at')} as created_at,
    ${milliseconds('signs_from')} as signs_from, ${milliseconds('verifies_until')} as verifies_until
  from :keys order by epoch desc`

/**
 * @param driver which lists its listeners in `pg_stat_activity`, unless the database is in this process
 * @throws StoreUnavailableError when the database does not answer
 */
export async function readStatus(
  driver: Pick<Driver, 'open'>,
  connection: Connection,
  names: Names,
  schema: string,
  options: StatusOptions,
  probe: () => Promise<ListenFailure | null> | null,
  { counts, statementWithin, within }: StatusScope = WHOLE_STATUS,
): Promise<StoreStatus> {
  const end = performance.now() + (within ?? Number.POSITIVE_INFINITY)
  const left = (): number => Math.max(1, Math.ceil(end - performance.now()))
  const bounded: Pick<Connection, 'query'> = {
    query: (text, values) => connection.queryOnce(Math.min(statementWithin, left()), text, values),
  }
  const queryOneOn =
    ({ query }: Pick<Connection, 'query'>): QueryOne =>
    async (text, values = []) =>
      (await query(names.fill(text), values))[0] ?? {}
  const queryOne = queryOneOn(bounded)

  const server =
    within === null
      ? await queryOneOn(connection)(SERVER)
      : ((await connection.queryOnce(left(), SERVER, []))[0] ?? {})
  const now = server['now'] as number
  const parts = createParts()
  // The parts of the catalog and of the small tables come first: they use few connections, and tell what the rest means.
  const [standby, distribution, releases, queueUsage, ledger, keys] = await Promise.all([
    parts.read('standby', async () => (await queryOne(STANDBY))['standby'] as boolean),
    parts.read('layout', () => readDistribution(bounded, names)),
    parts.read('listeners', async () =>
      driver.open === undefined ? toReleases(await bounded.query(LISTENERS, [])) : null,
    ),
    parts.read('queueUsage', async () => Number((await queryOne(QUEUE_USAGE))['usage'])),
    parts.read('schema', () => appliedMigrations(bounded, names)),
    parts.read('keys', async () => toKeys(await bounded.query(names.fill(KEYS), []))),
  ])
  const distributed = distribution?.sessions === 'distributed'
  const hasStatistics = !distributed && standby !== true
  const [sessions, revocations, table, vacuum, missingRights] = await Promise.all([
    !counts
      ? null
      : parts.readOrLarge('sessions', () =>
          countSessions(options.exact === true ? queryOneOn(connection) : queryOne, now, options, {
            table: names.sessions,
            distributed,
            elapsed: () => performance.now(),
          }),
        ),
    !counts ? null : parts.readOrLarge('revocations', () => countRevocations(queryOne, now)),
    parts.read('table', () => readTable(queryOne, names, distributed, standby === true)),
    !hasStatistics ? null : parts.read('vacuum', () => readVacuum(queryOne, names)),
    parts.read('rights', () => describeMissingRights(bounded.query, names, schema)),
  ])
  const described = describeSchema(ledger, distribution)
  // After the listeners are counted, because it is one more.
  const isUsable = standby !== true && described.missing?.length === 0
  const listening = isUsable ? await readListening(probe) : UNKNOWN
  return {
    at: new Date(now),
    server: {
      version: shortVersion(server['version'] as string),
      database: server['database'] as string,
      standby,
    },
    schema: { name: schema, ...described, missingRights },
    layout: toLayout(distribution),
    keys,
    sessions,
    revocations,
    table,
    vacuum,
    notifications: { listeners: countOf(releases), releases, queueUsage, ...listening },
    unknown: [...unreadableLayout(distribution), ...parts.unknown(distribution?.engine === 'citus')],
  }
}

type Releases = NonNullable<StoreStatus['notifications']['releases']>

function toReleases(rows: readonly Row[]): Releases {
  return rows.map((row) => ({
    release: (row['name'] as string).slice(LISTENER_NAME.length).trim() || null,
    processes: Number(row['processes']),
  }))
}

function countOf(releases: Releases | null): number | null {
  return releases === null ? null : releases.reduce((sum, { processes }) => sum + processes, 0)
}

/** @returns `null` for more than {@link MAX_REVOCATIONS} */
async function countRevocations(queryOne: QueryOne, now: number): Promise<number | null> {
  const revoked = Number((await queryOne(REVOCATIONS, [timestamp(now - FEED_REACH)]))['count'])
  return revoked > MAX_REVOCATIONS ? null : revoked
}

function describeSchema(
  ledger: readonly AppliedMigration[] | null,
  distribution: Distribution | null,
): Pick<StoreStatus['schema'], 'applied' | 'missing' | 'unknown'> {
  // A worker does not see a table that only the coordinator knows, or has one of its own.
  const isHidden =
    distribution?.isCoordinator === false && distribution.tables?.migrations.placement === 'plain'
  if (ledger === null || isHidden) return { applied: null, missing: null, unknown: null }
  const known = new Set(MIGRATIONS.map(({ id }) => id))
  const applied = new Set(ledger.map(({ id }) => id))
  return {
    applied: ledger.filter(({ id }) => known.has(id)).map(({ id, at }) => ({ id, at: new Date(at) })),
    missing: [...known].filter((id) => !applied.has(id)),
    unknown: ledger.filter(({ id }) => !known.has(id)).map(({ id, breaking }) => ({ id, breaking })),
  }
}

/** A role without rights on its catalogs gets no error from Citus that would say so. */
function unreadableLayout(distribution: Distribution | null): StoreStatus['unknown'] {
  if (distribution?.engine !== 'citus' || distribution.tables !== null) return []
  return [{ part: 'layout', why: 'failed', words: 'the role may not read the catalogs of Citus' }]
}

function toLayout(distribution: Distribution | null): StoreStatus['layout'] {
  if (distribution?.engine !== 'citus' || distribution.tables === null) return null
  const { engine, tables, isCoordinator } = distribution
  return { engine, isCoordinator: isCoordinator === true, tables }
}

function toKeys(rows: Awaited<ReturnType<Connection['query']>>): StoredKey[] {
  return rows.map((row) => ({
    epoch: row['epoch'] as number,
    kid: row['kid'] as string,
    algorithm: row['algorithm'] as string,
    createdAt: new Date(row['created_at'] as number),
    signsFrom: new Date(row['signs_from'] as number),
    verifiesUntil: row['verifies_until'] === null ? null : new Date(row['verifies_until'] as number),
  }))
}

const UNKNOWN = { working: null, problem: null }

/** Tries LISTEN once. */
export async function readListening(probe: () => Promise<ListenFailure | null> | null): Promise<Listening> {
  const probing = probe()
  if (probing === null) return UNKNOWN
  const failure = await probing
  const problem = failure === null || failure.kind === 'unsupported' ? null : failure.error.message
  return { working: failure === null, problem }
}

/** `PostgreSQL 18.4`, without the details of the build. */
function shortVersion(version: string): string {
  return /^[^(,]*?(?= on |\(|,|$)/.exec(version)![0].trim().slice(0, 80)
}
