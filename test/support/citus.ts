import pg from 'pg'
import type { PoolLike } from '../../src/postgres/index.ts'
import { citusRefusal } from './citus-rules.ts'
import { createDatabase, createPool } from './database.ts'
import { aroundQueries } from './pools.ts'

/** The size that the fake reports for the shards of every table, in bytes. */
export const SHARD_BYTES = 413_138_944
export const SHARDS = 32

/**
 * The catalogs and functions of Citus 13 that Pawl uses. They keep the metadata and check what Citus checks, with its
 * words and SQLSTATEs; the rows stay where they are. `partkey` holds the column's name instead of an expression tree.
 */
const CITUS = `
set allow_system_table_mods = on;
create schema citus;
grant usage on schema citus to public;
create type citus.distribution_type as enum ('hash', 'range', 'append');
create table pg_catalog.pg_dist_partition (logicalrelid regclass primary key, partmethod "char" not null, partkey text,
  colocationid integer not null default 0, repmodel "char" not null default 'c', autoconverted boolean default false);
create table pg_catalog.pg_dist_shard (logicalrelid regclass not null, shardid int8 not null, shardstorage "char" not null,
  shardminvalue text, shardmaxvalue text);
create table pg_catalog.pg_dist_local_group (groupid integer primary key);
create table pg_catalog.pg_dist_node (nodeid serial primary key, groupid integer not null, nodename text not null,
  nodeport integer not null, isactive boolean not null default true, shouldhaveshards boolean not null default true);
grant select on pg_catalog.pg_dist_partition, pg_catalog.pg_dist_shard, pg_catalog.pg_dist_local_group,
  pg_catalog.pg_dist_node to public;
insert into pg_catalog.pg_dist_local_group values (0);
insert into pg_catalog.pg_dist_node (groupid, nodename, nodeport, shouldhaveshards)
  values (0, 'coordinator', 5432, false), (1, 'worker-1', 5432, true), (2, 'worker-2', 5432, true);
insert into pg_catalog.pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
  values (99999, 'citus', 10, 'pg_catalog'::regnamespace, false, '13.2-1');

create function pg_catalog.column_to_column_name(table_name regclass, column_var_text text) returns text
  language sql strict as 'select column_var_text';

create function pg_catalog.citus_is_coordinator() returns boolean language sql
  as 'select groupid = 0 from pg_catalog.pg_dist_local_group';

create function citus.check_table(relation regclass) returns void language plpgsql as $$
begin
  if not pg_catalog.citus_is_coordinator() then
    raise exception 'operation is not allowed on this node'
      using errcode = 'XX000', hint = 'Connect to the coordinator and run it again.';
  end if;
  if not (select pg_has_role(relowner, 'usage') from pg_class where oid = relation) then
    raise exception 'must be owner of table %', (select relname from pg_class where oid = relation)
      using errcode = '42501';
  end if;
end $$;

create function citus.insert_metadata(relation regclass, method text, key text, colocation integer, replication text,
  shards integer) returns void language plpgsql security definer as $$
begin
  insert into pg_catalog.pg_dist_partition values (relation, method::"char", key, colocation, replication::"char");
  insert into pg_catalog.pg_dist_shard (logicalrelid, shardid, shardstorage)
    select relation, 102000 + (select count(*) from pg_catalog.pg_dist_shard) + n, 't' from generate_series(1, shards) n;
end $$;

create function pg_catalog.create_distributed_table(table_name regclass, distribution_column text,
  distribution_type citus.distribution_type default 'hash', colocate_with text default 'default',
  shard_count integer default null) returns void language plpgsql as $$
begin
  perform citus.check_table(table_name);
  if exists (select 1 from pg_catalog.pg_dist_partition where logicalrelid = table_name
      and not (partmethod = 'n' and repmodel = 's' and colocationid = 0)) then
    raise exception 'table "%" is already distributed', (select relname from pg_class where oid = table_name)
      using errcode = '42P16';
  end if;
  perform citus.insert_metadata(table_name, case when distribution_column is null then 'n' else 'h' end,
    distribution_column, 1, 's', case when distribution_column is null then 1 else coalesce(shard_count, ${SHARDS}) end);
end $$;

create function pg_catalog.create_reference_table(table_name regclass) returns void language plpgsql as $$
begin
  perform citus.check_table(table_name);
  perform citus.insert_metadata(table_name, 'n', null, 2, 't', 1);
end $$;

create function pg_catalog.citus_add_local_table_to_metadata(table_name regclass,
  cascade_via_foreign_keys boolean default false) returns void language plpgsql as $$
begin
  perform citus.check_table(table_name);
  if not exists (select 1 from pg_catalog.pg_dist_node where groupid = 0) then
    raise exception 'operation is not allowed when coordinator is not added into metadata' using errcode = 'XX000',
      hint = 'Use "SELECT citus_set_coordinator_host(''<hostname>'', ''<port>'')" to configure the coordinator hostname and port';
  end if;
  if exists (select 1 from pg_catalog.pg_dist_partition where logicalrelid = table_name) then return; end if;
  perform citus.insert_metadata(table_name, 'n', null, 0, 's', 1);
end $$;

create function pg_catalog.truncate_local_data_after_distributing_table(function_name regclass) returns void
  language plpgsql as $$ begin perform citus.check_table(function_name); end $$;

create function pg_catalog.citus_total_relation_size(logicalrelid regclass, fail_on_error boolean default true)
  returns bigint language plpgsql strict as $$
begin
  if not exists (select 1 from pg_catalog.pg_dist_partition p where p.logicalrelid = $1) then
    raise exception 'cannot calculate the size because relation "%" is not distributed', $1 using errcode = '0A000';
  end if;
  return ${SHARD_BYTES};
end $$;
`

export interface FakeCitus {
  readonly url: string
  /** Connections of the superuser. */
  readonly pool: pg.Pool
  /** Makes the server a worker. */
  becomeWorker(): Promise<void>
  /** Makes the coordinator unknown to its workers, as it is before `citus_set_coordinator_host`. */
  forgetCoordinator(): Promise<void>
}

/**
 * An empty database that looks like a Citus coordinator with two workers. Statements run on one real PostgreSQL. For
 * what its functions cannot fake, wrap a pool in {@link answerLikeCitus}.
 */
export async function createFakeCitus(): Promise<FakeCitus> {
  const url = await createDatabase()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(CITUS)
  await client.end()
  const pool = createPool(url)
  return {
    url,
    pool,
    async becomeWorker() {
      await pool.query('update pg_catalog.pg_dist_local_group set groupid = 1')
    },
    async forgetCoordinator() {
      await pool.query('delete from pg_catalog.pg_dist_node where groupid = 0')
    },
  }
}

/** What Citus plans for a statement on its tables. The real plan is made when the statement runs. */
const PLACEHOLDER_PLAN = [
  {
    Plan: {
      'Node Type': 'Custom Scan',
      'Custom Plan Provider': 'Citus Adaptive',
      'Parallel Aware': false,
      'Startup Cost': 0,
      'Total Cost': 0,
      'Plan Rows': 100_000,
      'Plan Width': 4,
    },
  },
]

/** The answer to a statement that needs a worker that is down. The coordinator stays connected. */
export function workerDown(): Error {
  const message =
    'connection to the remote node postgres@worker-2:5432 failed with the following error: Connection refused'
  return Object.assign(new Error(message), { code: '08006', severity: 'ERROR' })
}

/**
 * Wraps the connections to a fake Citus: statements on `sessions` get a placeholder plan, those that need a dead worker
 * fail, and those that Citus refuses are refused.
 * @param isDead whether the row of this id is on the dead worker. Without it all workers run
 */
export function answerLikeCitus(pool: pg.Pool, isDead?: (id: string) => boolean): PoolLike {
  return aroundQueries(pool, async (config, run) => {
    const { text, values } = config
    if (isDead !== undefined && /citus_total_relation_size/.test(text)) throw workerDown()
    if (!/\bsessions\b/.test(text)) return run()
    if (text.startsWith('explain (format json)')) return { rows: [{ 'QUERY PLAN': PLACEHOLDER_PLAN }] }
    const refused = citusRefusal(text)
    if (refused !== null) throw Object.assign(new Error(refused), { code: '0A000', severity: 'ERROR' })
    if (isDead !== undefined && needsDeadWorker(text, values, isDead)) throw workerDown()
    return run()
  })
}

/** Without the id of a row, a statement needs every node. */
function needsDeadWorker(text: string, values: unknown[], isDead: (id: string) => boolean): boolean {
  if (/to_regclass|pg_catalog/.test(text)) return false
  const ids = /^insert|\bid = (?:any\()?\$1|unnest\(\$1::uuid/.test(text) ? [values[0]].flat() : null
  return ids === null || ids.some((id) => isDead(String(id)))
}
