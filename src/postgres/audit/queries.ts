import { CHANGES, LIVE, milliseconds } from '../queries.ts'

/*
 * The statements of the audit table, `:audit`. The rules of `../queries.ts` hold for them too, except that Citus does not run
 * them: it cannot write rows of two tables in one statement.
 */

export const AUDIT_COLUMNS: readonly string[] = [
  'at',
  'session_id',
  'signed_in_at',
  'last_seen_at',
  'kind',
  'user_id',
  'ip',
  'user_agent',
  'reason',
  'actor_user_id',
  'presenter_ip',
  'presenter_user_agent',
]

/** Of a session that has started. Its id is new, so no such row can exist. */
const STARTED = `insert into :audit (at, session_id, kind, user_id, ip, user_agent, actor_user_id)
      select created_at, id, 'created', user_id, ip, user_agent, actor_user_id from changed`

/** The key of a row is the time of the end and the session. A row that exists already must not keep a session from ending. */
function ended(at: string, reason: string, presenter = 'null, null', where = 'true'): string {
  return `insert into :audit (at, session_id, kind, user_id, ip, user_agent, reason, actor_user_id,
        signed_in_at, last_seen_at, presenter_ip, presenter_user_agent)
      select ${at}, id, 'ended', user_id, ip, user_agent, ${reason}, actor_user_id,
        created_at, coalesce(turned_at, created_at), ${presenter} from changed where ${where}
      on conflict do nothing`
}

/** Changes sessions and records it at once: both or neither, in one round trip. A retry that changes nothing records nothing. */
function recording(change: keyof typeof CHANGES, record: string, result: string): string {
  const columns = 'id, user_id, ip, user_agent, actor_user_id, created_at, turned_at'
  const more = change === 'prune' ? ', expires_at, absolute_expires_at, ended_at, end_reason' : ''
  return `with changed as (
      ${CHANGES[change]}
      returning ${columns}${more}
    ), recorded as (
      ${record}
    )
    select ${result} from changed`
}

/** Take the place of the statements with the same name. */
export const RECORDING: Readonly<Record<keyof typeof CHANGES, string>> = {
  insert: recording('insert', STARTED, 'id'),
  insertMany: recording('insertMany', STARTED, 'id'),
  end: recording('end', ended('$2::timestamptz', '$3'), 'user_id'),
  /** $7 and $8: the presenter of the token. */
  endExpected: recording('endExpected', ended('$4::timestamptz', '$5', '$7::inet, $8'), 'user_id'),
  endMany: recording('endMany', ended('$2::timestamptz', '$3'), 'id, user_id'),
  endListed: recording('endListed', ended('$2::timestamptz', '$3'), 'id'),
  // An expiry, or an end that is not recorded: another program made it, or a process without the option.
  prune: recording(
    'prune',
    ended(
      `date_trunc('milliseconds', case when ${LIVE} then expires_at else coalesce(ended_at, turned_at, created_at) end)`,
      `case when not (${LIVE}) then coalesce(end_reason, 'other')
          when absolute_expires_at <= expires_at then 'absolute' else 'idle' end`,
      undefined,
      `user_id <> ''`,
    ),
    'id',
  ),
}

const COLUMNS = `${milliseconds('a.at')} as at, a.session_id, a.kind, a.user_id, a.ip, a.user_agent, a.reason, a.actor_user_id,
      ${milliseconds('a.signed_in_at')} as signed_in_at, ${milliseconds('a.last_seen_at')} as last_seen_at,
      a.presenter_ip, a.presenter_user_agent`

/** From $1 to before $2, and after the cursor in $3 to $5. */
const PERIOD = `a.at >= $1 and a.at < $2 and (a.at, a.session_id, a.kind) < ($3::timestamptz, $4::uuid, $5)`
const NEWEST_FIRST = 'a.at desc, a.session_id desc, a.kind desc'

/**
 * Walks at most $6 rows in the order of an index, and finds at most $8 of them that are in the network $7. The last row that
 * it returns is the last row of the walk.
 * @param condition what selects the index; its parameter is $9
 */
function walk(condition: string): string {
  return `with a as (
      select * from :audit a where ${condition}${PERIOD} order by ${NEWEST_FIRST} limit $6
    )
    select * from (
      (select ${COLUMNS}, true as found, null as walked from a
        where $7::inet is null or a.ip <<= $7::inet order by ${NEWEST_FIRST} limit $8)
      union all
      (select ${COLUMNS}, false as found, (select count(*) from a) as walked from a
        order by a.at, a.session_id, a.kind limit 1)
    ) rows order by found desc, at desc, session_id desc, kind desc`
}

/** A range of the index on addresses. */
function inNetwork(network: '$1' | '$7'): string {
  return `a.ip between network(${network}::inet)
          and set_masklen(broadcast(${network}::inet), case family(${network}::inet) when 4 then 32 else 128 end)`
}

/**
 * Deletes at most $2 rows of a condition, the oldest first. It returns a row for each that it chose, because another process may
 * have deleted some of them at the same time. The planner takes arrays for short, so it looks each row up by the key.
 */
function deleteOldest(condition: string): string {
  return `with due as materialized (
      select at, session_id, kind from :audit where ${condition} order by at, session_id, kind limit $2
    ), deleted as (
      delete from :audit a using unnest(array(select at from due), array(select session_id from due),
        array(select kind from due)) as d (at, session_id, kind)
      where a.at = d.at and a.session_id = d.session_id and a.kind = d.kind
    )
    select kind from due`
}

export type AuditQueryName =
  | 'historyByTime'
  | 'historyByUser'
  | 'historyByAddress'
  | 'historyOfReuse'
  | 'historyInNetwork'
  | 'countNetwork'
  | 'oldestAudited'
  | 'newestInAudit'
  | 'countAuditReuse'
  | 'sampleAudit'
  | 'eraseAudit'
  | 'eraseAuditActor'
  | 'pruneAudit'
  | 'auditState'

export const AUDIT_QUERIES: Readonly<Record<AuditQueryName, string>> = {
  historyByTime: walk(''),
  historyByUser: walk('a.user_id = $9 and '),
  historyByAddress: walk('a.ip = $9::inet and '),
  historyOfReuse: walk(`a.reason = 'reuse' and `),

  countNetwork: `select count(*) as rows from (select from :audit a where ${inNetwork('$1')} limit $2) as entry`,

  /**
   * A network with at most $6 - 1 rows. Their times are in the index, whose order is not that of time, so only the rows of the
   * page are read. Rows of the time of the cursor come in addition, because the cursor may be in the midst of them.
   */
  historyInNetwork: `with entries as materialized (
      select a.ip, a.at from :audit a
      where ${inNetwork('$7')}
        and a.at >= $1 and a.at < $2 and a.at <= $3::timestamptz
      order by a.ip limit $6
    ), newest as (
      select at from entries where at < $3::timestamptz order by at desc limit $8
    ), shown as (
      select distinct ip, at from entries
      where at >= (select coalesce(min(at), '-infinity') from newest)
    )
    select ${COLUMNS}, (select count(*) from entries) as walked
    from shown join :audit a on a.ip = shown.ip and a.at = shown.at
    where ${PERIOD} order by ${NEWEST_FIRST} limit $8`,

  /**
   * The oldest sign-in, to within a day. An expiry is recorded later than it was, so that millions may be older than the audit:
   * each step reads the first rows after a time, and the next begins a day later. The last rows are for an audit that is younger.
   */
  oldestAudited: `with recursive step (day, at) as (
      select min(at), null::timestamptz from :audit
      union all
      select greatest(part.last, step.day + interval '1 day'), part.first
      from step cross join lateral (
        select max(a.at) as last, min(a.at) filter (where a.kind = 'created') as first
        from (select at, kind from :audit where at >= step.day order by at limit 500) as a
      ) as part
      where step.at is null and isfinite(step.day) and part.last is not null
    )
    select ${milliseconds('min(at)')} as at from (
      select at from step
      union all
      select at from (select at, kind from :audit order by at desc limit 500) as a where kind = 'created'
    ) as found`,

  // The order makes it walk the index. The planner cannot know that the first rows of the table are the oldest.
  newestInAudit: `select width_bucket(at, $1::timestamptz[]) as n, reason, count(*) as rows,
      ${milliseconds('min(at)')} as oldest, ${milliseconds('max(at)')} as last
    from (
      select a.at, case when a.kind = 'ended' then left(coalesce(a.reason, 'other'), 40) end as reason
      from :audit a where a.at >= $2 and a.at < $3 order by a.at desc limit $4
    ) as entry group by 1, 2`,

  countAuditReuse: `select div(${milliseconds('at')}, 86400000) as day, count(*) as rows
    from (select at from :audit where reason = 'reuse' and at >= $1 order by at limit $2) as entry group by 1`,

  sampleAudit: `select p.n, s.reason, count(*) as rows, max(s.at) as last
    from unnest($1::timestamptz[], $2::timestamptz[]) with ordinality as p (low, high, n)
      cross join lateral (
        select case when a.kind = 'ended' then left(coalesce(a.reason, 'other'), 40) end as reason,
          ${milliseconds('a.at')} as at
        from :audit a where a.at >= p.low and a.at < p.high order by a.at limit $3
      ) s
    group by p.n, s.reason`,

  eraseAudit: deleteOldest('user_id = $1'),
  eraseAuditActor: `update :audit set actor_user_id = '', ip = null, user_agent = null
    where actor_user_id = $1 returning kind`,
  pruneAudit: deleteOldest('at < $1'),

  /** Every role may read it, and it works without the table. */
  auditState: `select c.relkind = 'p' and p.partdefid = 0 as lacks_default,
      has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')
        and has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete') as may_write,
      exists (select 1 from pg_catalog.pg_class part
        where (part.oid = c.oid or part.oid in (select relid from pg_catalog.pg_partition_tree(c.oid)))
          and pg_relation_size(part.oid) > 0) as has_rows
    from pg_catalog.pg_class c left join pg_catalog.pg_partitioned_table p on p.partrelid = c.oid
    where c.oid = to_regclass($1)`,
}
