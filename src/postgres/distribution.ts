import type { Placement, TableLayout } from '../core/store-status.ts'
import { StoreUnavailableError } from '../portable/errors.ts'
import type { Connection, Row } from './connection.ts'
import type { Names } from './names.ts'
import { isForbidden, isUnsupported } from './sqlstate.ts'

/** How an engine of several nodes has laid out Pawl's tables. */
export interface Distribution {
  readonly engine: 'citus' | null
  /** `distributed` if Citus plans the statements on `sessions`, whatever its shards. */
  readonly sessions: 'distributed' | 'plain'
  /** Whether this server is the coordinator; `null` without Citus, and where the role may not read it. */
  readonly isCoordinator: boolean | null
  /** Whether the nodes know the coordinator, which local tables need; true on a server without other nodes. */
  readonly coordinatorIsNode: boolean | null
  /** `null` without Citus, and where the role may not read it. */
  readonly tables: {
    readonly sessions: TableLayout
    readonly signingKeys: TableLayout
    readonly migrations: TableLayout
  } | null
}

/** Every role may read it. */
export const HAS_CITUS = `select to_regclass('pg_catalog.pg_dist_partition') is not null as has_citus`

/** Every role may read these catalogs. The functions and columns exist in Citus 10 and later. */
const LAYOUT = `select t.name,
    (select groupid from pg_catalog.pg_dist_local_group) = 0 as is_coordinator,
    coalesce((select bool_or(n.groupid = 0) from pg_catalog.pg_dist_node n), true) as coordinator_is_node,
    p.partmethod::text as method, p.repmodel::text as replication, p.colocationid as colocation,
    pg_catalog.column_to_column_name(p.logicalrelid, p.partkey) as column_name,
    (select count(*) from pg_catalog.pg_dist_shard s where s.logicalrelid = p.logicalrelid) as shards
  from (values ('sessions', $1), ('signingKeys', $2), ('migrations', $3)) as t (name, relation)
    left join pg_catalog.pg_dist_partition p on p.logicalrelid = to_regclass(t.relation)`

const PLAIN: TableLayout = { placement: 'plain', column: null, shards: null }
const NOT_DISTRIBUTED: Distribution = {
  engine: null,
  sessions: 'plain',
  isCoordinator: null,
  coordinatorIsNode: null,
  tables: null,
}

/**
 * Reads from the catalog where the tables are. Plain PostgreSQL costs one statement.
 * @throws StoreUnavailableError when the database does not answer
 */
export async function readDistribution(
  connection: Pick<Connection, 'query'>,
  names: Names,
): Promise<Distribution> {
  try {
    const [found] = await connection.query(HAS_CITUS, [])
    if (found?.['has_citus'] !== true) return NOT_DISTRIBUTED
  } catch (error) {
    if (isUnsupported(error)) return NOT_DISTRIBUTED
    throw error
  }
  try {
    const rows = await connection.query(LAYOUT, [names.sessions, names.keys, names.migrations])
    return toDistribution(rows)
  } catch (error) {
    if (error instanceof StoreUnavailableError && !isForbidden(error)) throw error
    // Citus refuses some statements on its tables, so treating an unknown table as distributed is the safe guess.
    return { ...NOT_DISTRIBUTED, engine: 'citus', sessions: 'distributed' }
  }
}

function toDistribution(rows: readonly Row[]): Distribution {
  const layoutOf = (name: string): TableLayout => toLayout(rows.find((row) => row['name'] === name))
  const sessions = layoutOf('sessions')
  return {
    engine: 'citus',
    sessions: sessions.placement === 'plain' ? 'plain' : 'distributed',
    isCoordinator: rows[0]?.['is_coordinator'] === true,
    coordinatorIsNode: rows[0]?.['coordinator_is_node'] === true,
    tables: { sessions, signingKeys: layoutOf('signingKeys'), migrations: layoutOf('migrations') },
  }
}

function toLayout(row: Row | undefined): TableLayout {
  const method = row?.['method'] ?? null
  if (method === null) return PLAIN
  return {
    placement: method === 'n' ? withoutColumn(row!) : 'distributed',
    column: (row!['column_name'] as string | null) ?? null,
    shards: Number(row!['shards']),
  }
}

/** Citus replicates a reference table by two-phase commit, and gives a local table no group of colocated tables. */
function withoutColumn({ replication, colocation }: Row): Placement {
  if (replication === 't') return 'reference'
  return Number(colocation) === 0 ? 'local' : 'single-shard'
}
