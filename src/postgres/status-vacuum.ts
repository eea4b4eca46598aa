import type { StoreStatus } from '../core/store-status.ts'
import type { QueryOne } from './count-sessions.ts'
import type { Names } from './names.ts'
import { milliseconds } from './queries.ts'

type Vacuum = NonNullable<StoreStatus['vacuum']>

/** Bytes of a row besides its values: the header with a bitmap of nulls, and the pointer to it. */
const ROW_OVERHEAD = 36

const setting = (
  name: string,
): string => `coalesce((select option_value from pg_options_to_table(part.reloptions)
      where option_name = '${name}'), current_setting('${name}'))`

/** A table may have settings of its own. The statistics of a partitioned table are those of all its partitions. */
const VACUUM = `with part as (
    select c.oid, c.relkind, c.reltuples, c.reloptions from pg_catalog.pg_class c
    where c.oid = to_regclass($1) or c.oid in (select relid from pg_partition_tree(to_regclass($1)))
  )
  select sum(pg_relation_size(oid)) as heap_bytes,
    bool_and(current_setting('autovacuum') = 'on' and current_setting('track_counts') = 'on'
      and coalesce((select option_value from pg_options_to_table(part.reloptions)
        where option_name = 'autovacuum_enabled'), 'true') not in ('false', 'off', 'no', '0')) as enabled,
    sum(${setting('autovacuum_vacuum_threshold')}::float8
      + ${setting('autovacuum_vacuum_scale_factor')}::float8 * greatest(reltuples, 0)) as threshold,
    exists (select 1 from pg_stat_progress_vacuum where relid in (select oid from part)) as running,
    (select sum(avg_width * (1 - null_frac)) from pg_catalog.pg_stats
      where (schemaname, tablename) = (select n.nspname, c.relname from pg_catalog.pg_class c
          join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = to_regclass($1))
        and inherited = exists (select 1 from part where relkind = 'p')) as width
  from part where relkind in ('r', 'p')`

/**
 * The oldest snapshot that VACUUM has to respect, of this database or of a replica. A transaction that waits for its client has
 * none, but VACUUM respects what it has written. A VACUUM of its own does not count. A role sees the transactions of other roles
 * with the rights of `pg_monitor`.
 */
const HORIZON = `select kind, name, application, ${milliseconds('since')} as since, age(xmin) as transactions
  from (
    select 'transaction' as kind, pid::text as name, application_name as application, xact_start as since,
        case when backend_xmin is null or age(backend_xid) > age(backend_xmin) then backend_xid else backend_xmin end as xmin
      from pg_stat_activity
      where (backend_xmin is not null or backend_xid is not null) and datname = current_database() and pid <> pg_backend_pid()
        and backend_type <> 'autovacuum worker'
    union all
    select 'prepared', gid, '', prepared, transaction from pg_prepared_xacts where database = current_database()
    union all
    select 'slot', slot_name, '', null, xmin from pg_replication_slots where xmin is not null
    union all
    select 'standby', coalesce(client_addr::text, pid::text), application_name, null, backend_xmin
      from pg_stat_replication where backend_xmin is not null
  ) as holder order by age(xmin) desc, since limit 1`

/** How VACUUM keeps up with the table of sessions. */
export async function readVacuum(queryOne: QueryOne, names: Names): Promise<Vacuum | null> {
  const [table, horizon] = await Promise.all([queryOne(VACUUM, [names.sessions]), queryOne(HORIZON)])
  if (table['heap_bytes'] == null) return null
  const since = horizon['since'] as number | null
  return {
    enabled: table['enabled'] === true,
    threshold: Number(table['threshold']),
    running: table['running'] === true,
    heapBytes: Number(table['heap_bytes']),
    rowBytes: table['width'] === null ? null : Number(table['width']) + ROW_OVERHEAD,
    horizon:
      horizon['kind'] === undefined
        ? null
        : {
            kind: horizon['kind'] as NonNullable<Vacuum['horizon']>['kind'],
            name: horizon['name'] as string,
            application: (horizon['application'] as string | null) ?? '',
            since: since === null ? null : new Date(since),
            transactions: Number(horizon['transactions']),
          },
  }
}
