import type { StoreStatus } from '../core/store-status.ts'
import type { Row } from './connection.ts'
import type { QueryOne } from './count-sessions.ts'
import type { Names } from './names.ts'
import { milliseconds } from './queries.ts'

/** The table, or its partitions. A partition on another server has neither a size nor statistics here. */
const TABLE = `with part as (
    select c.oid, c.relkind from pg_catalog.pg_class c
    where c.oid = to_regclass($1) or c.oid in (select relid from pg_partition_tree(to_regclass($1)))
  )
  select sum(pg_total_relation_size(oid)) as bytes, sum(n_live_tup) as n_live_tup, sum(n_dead_tup) as n_dead_tup,
    sum(n_tup_upd) as n_tup_upd, sum(n_tup_hot_upd) as n_tup_hot_upd,
    ${milliseconds('max(greatest(last_vacuum, last_autovacuum))')} as vacuumed_at, bool_or(relkind = 'f') as is_elsewhere
  from part left join pg_stat_user_tables on relid = oid`
/** The size of the table on this server is that of an empty shell. This function adds up the shards, or fails. */
const SHARDS = 'select citus_total_relation_size(to_regclass($1)) as bytes'

/** The size and the statistics of the table of sessions. */
export async function readTable(
  queryOne: QueryOne,
  names: Names,
  distributed: boolean,
  standby: boolean,
): Promise<StoreStatus['table']> {
  if (distributed) return toTable({ bytes: (await queryOne(SHARDS, [names.sessions]))['bytes'] })
  const row = await queryOne(TABLE, [names.sessions])
  if (row['is_elsewhere'] === true) return null
  // The primary does not send its statistics to a standby.
  return toTable(standby ? { bytes: row['bytes'] } : row)
}

function toTable(row: Row): StoreStatus['table'] {
  const number = (name: string): number | null => (row[name] == null ? null : Number(row[name]))
  if (number('bytes') === null && number('n_dead_tup') === null) return null
  const updates = number('n_tup_upd')
  const vacuumedAt = number('vacuumed_at')
  return {
    bytes: number('bytes'),
    liveRows: number('n_live_tup'),
    deadRows: number('n_dead_tup'),
    updates,
    hotUpdates: updates === null || updates === 0 ? null : (number('n_tup_hot_upd') ?? 0) / updates,
    vacuumedAt: vacuumedAt === null ? null : new Date(vacuumedAt),
  }
}
