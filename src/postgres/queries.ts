/**
 * Every statement of the store, besides those of the audit table. `:sessions` and `:keys` stand for the escaped table names. These rules keep
 * the statements working on PostgreSQL, through poolers and on distributed engines:
 * - a hot statement names the whole primary key;
 * - times and randomness are parameters, and no SET, RETURNING or CASE contains `now()`;
 * - a column that is null instead of its default is read through `coalesce`;
 * - times are read as numbers, because DateStyle, TimeZone and extra_float_digits change their text.
 */

export const SESSION_COLUMNS = [
  'id',
  'user_id',
  'generation',
  'current',
  'previous',
  'anchor_hash',
  'turned_at',
  'switched_at',
  'version',
  'created_at',
  'auth_time',
  'expires_at',
  'absolute_expires_at',
  'idle_timeout',
  'persistent',
  'claims',
  'data',
  'data_version',
  'ip',
  'user_agent',
  'ended_at',
  'end_reason',
  'prune_on',
  'renewals',
  'reuse_since',
  'actor_session_id',
  'actor_user_id',
  'device_key',
  'device_kind',
] as const
export type SessionColumn = (typeof SESSION_COLUMNS)[number]

const COLUMNS = SESSION_COLUMNS.join(', ')

/** A `timestamptz` in milliseconds since the epoch. Truncated, so that a cursor never skips microseconds. */
export function milliseconds(time: string): string {
  return `cast(extract(epoch from date_trunc('milliseconds', ${time})) * 1000 as bigint)`
}

const TIME_COLUMNS: ReadonlySet<SessionColumn> = new Set<SessionColumn>([
  'turned_at',
  'switched_at',
  'created_at',
  'auth_time',
  'expires_at',
  'absolute_expires_at',
  'ended_at',
  'reuse_since',
])

/** {@link COLUMNS} as they are read. */
const READ_COLUMNS = SESSION_COLUMNS.map((name) => {
  if (name === 'prune_on') return `(prune_on - date '1970-01-01') * cast(86400000 as bigint) as prune_on`
  return TIME_COLUMNS.has(name) ? `${milliseconds(name)} as ${name}` : name
}).join(', ')
/** Another program may set only one of the two columns. Each of them ends the session. */
export const LIVE = 'ended_at is null and end_reason is null'
const ENDED = '(ended_at is not null or end_reason is not null)'

/** The condition of a compare-and-set. `expectedValues` gives its parameters. */
const EXPECTED = `id = $1 and generation = $2 and current = $3 and ${LIVE}`

/** Cursors have milliseconds, and another program may have written microseconds. */
const SEEN_AT = `date_trunc('milliseconds', coalesce(turned_at, created_at))`
const CREATED_AT = `date_trunc('milliseconds', created_at)`

/** A session that is active at $2. The holder of a pending renewal may have longer than the row. */
const ACTIVE = `${LIVE} and expires_at > $2
        and (absolute_expires_at is null or absolute_expires_at > $2 or exists (
          select 1 from jsonb_array_elements(renewals) as renewal
          where renewal ->> 'absoluteExpiresAt' is null
            or (renewal ->> 'absoluteExpiresAt')::numeric > extract(epoch from $2::timestamptz) * 1000))`

/** What the session limit counts: active at $2, not in $3, and of a login: no session that ends with another one. */
const COUNTED = `user_id = $1 and ${LIVE} and expires_at > $2
      and (absolute_expires_at is null or absolute_expires_at > $2) and id <> all($3::uuid[])
      and actor_session_id is null`

/** `data` after a merge patch. $4 holds the keys of $2 that it removes. */
const PATCHED = `((case when jsonb_typeof(data) = 'object' then data else '{}'::jsonb end) || $2::jsonb) - $4::text[]`

/** The statements that start and end sessions, without `returning`. An audit records what they change. */
export const CHANGES = {
  insert: `insert into :sessions (${COLUMNS})
    values (${SESSION_COLUMNS.map((_, index) => `$${index + 1}`).join(', ')})
    on conflict (id) do nothing`,

  insertMany: `insert into :sessions (${COLUMNS})
    select ${COLUMNS} from json_populate_recordset(cast(null as :sessions), $1)
    on conflict (id) do nothing`,

  end: `update :sessions set ended_at = $2, end_reason = $3, invalidated_at = $2, prune_on = $4
    where id = $1 and ${LIVE}`,

  endExpected: `update :sessions set ended_at = $4, end_reason = $5, invalidated_at = $4, prune_on = $6
    where ${EXPECTED}`,

  endMany: `update :sessions set ended_at = $2, end_reason = $3, invalidated_at = $2, prune_on = $4
    where id = any($1::uuid[]) and ${LIVE} and created_at <= $5
      and ($6::timestamptz is null or coalesce(turned_at, created_at) < $6)`,

  endListed: `update :sessions set ended_at = $2, end_reason = $3, invalidated_at = $2, prune_on = $4
    where id = any($1::uuid[]) and ${LIVE}`,

  prune: 'delete from :sessions where id = any($1::uuid[]) and prune_on <= $2',
}

export const QUERIES = {
  insert: `${CHANGES.insert}
    returning id`,

  insertMany: `${CHANGES.insertMany}
    returning id`,

  read: `select ${READ_COLUMNS} from :sessions where id = $1`,

  readMany: `select ${READ_COLUMNS} from :sessions where id = any($1::uuid[])`,

  listByUser: `select ${READ_COLUMNS} from :sessions
    where user_id = $1 and ($2::timestamptz is null or (${ACTIVE}))
      and ($3::timestamptz is null or (${SEEN_AT}, id) < ($3::timestamptz, $4::uuid))
    order by ${SEEN_AT} desc, id desc limit $5`,

  turn: `update :sessions set generation = $4, current = $5, previous = $6, turned_at = $7, switched_at = null,
      expires_at = $8, prune_on = $9, ip = $10, user_agent = $11
    where ${EXPECTED}
    returning id`,

  turnMany: `update :sessions s set generation = t.generation, current = t.current, previous = t.previous,
      turned_at = t.turned_at, switched_at = null, expires_at = t.expires_at, prune_on = t.prune_on,
      ip = t.ip, user_agent = t.user_agent
    from unnest($1::uuid[], $2::int[], $3::bytea[], $4::int[], $5::bytea[], $6::bytea[], $7::timestamptz[],
      $8::timestamptz[], $9::date[], $10::inet[], $11::text[])
      as t (id, expected_generation, expected_current, generation, current, previous, turned_at, expires_at, prune_on, ip, user_agent)
    where s.id = t.id and s.generation = t.expected_generation and s.current = t.expected_current
      and s.ended_at is null and s.end_reason is null
    returning s.id`,

  switchSibling: `update :sessions set current = $4, switched_at = $5
    where ${EXPECTED}
    returning id`,

  end: `${CHANGES.end}
    returning user_id`,

  endExpected: `${CHANGES.endExpected}
    returning user_id`,

  endMany: `${CHANGES.endMany}
    returning id, user_id`,

  openByUser: `select id, ${milliseconds('created_at')} as created_at from :sessions
    where user_id = $1 and ${LIVE} and ($2::uuid is null or id <> $2)
      and ($3::timestamptz is null or (${CREATED_AT}, id) < ($3::timestamptz, $4::uuid))
    order by ${CREATED_AT} desc, id desc limit $5`,

  endListed: `${CHANGES.endListed}
    returning id`,

  endedOf: `select id, user_id from :sessions where id = any($1::uuid[]) and ended_at = $2 and end_reason = $3`,

  idsAfter: `select id from :sessions where $1::uuid is null or id > $1 order by id limit $2`,

  endedByUser: `select id from :sessions where user_id = $1 and ${ENDED} limit $2`,

  erase: `update :sessions set user_id = '', ip = null, user_agent = null, claims = null, data = null,
      renewals = null, device_key = null, device_kind = null, prune_on = $3
    where id = any($1::uuid[]) and user_id = $2 and ${ENDED}
    returning id`,

  detach: `update :sessions set actor_session_id = null
    where id = $1 and user_id = $2 and actor_session_id is not null and actor_user_id is null and ${LIVE}
    returning id`,

  // The address and the user agent are those of the device of the actor.
  eraseActor: `update :sessions set actor_user_id = '', ip = null, user_agent = null
    where actor_user_id = $1
    returning id`,

  liveByUser: `select id from :sessions where ${COUNTED} order by created_at, id limit $4`,

  surplusByUser: `select id, ${milliseconds('created_at')} as created_at from :sessions s where ${COUNTED}
    order by s.created_at desc, id desc limit $4 offset $5`,

  replaceData: `update :sessions set data = $2, data_version = coalesce(data_version, 0) + 1
    where id = $1 and ${LIVE} and ($3::int is null or coalesce(data_version, 0) = $3)
    returning data_version`,

  mergeData: `update :sessions
    set data = ${PATCHED},
      data_version = coalesce(data_version, 0) + (case when data is distinct from ${PATCHED} then 1 else 0 end)
    where id = $1 and ${LIVE} and ($3::int is null or coalesce(data_version, 0) = $3)
    returning data_version`,

  writeClaims: `update :sessions set claims = $2, version = coalesce(version, 0) + 1, invalidated_at = $3,
      renewals = (select jsonb_agg(renewal || '{"claims": null}') from jsonb_array_elements(renewals) as renewal)
    where id = $1 and ${LIVE}
    returning version`,

  writeClaimsByUser: `update :sessions set claims = $2, version = coalesce(version, 0) + 1, invalidated_at = $3,
      renewals = (select jsonb_agg(renewal || '{"claims": null}') from jsonb_array_elements(renewals) as renewal)
    where user_id = $1 and ${LIVE}
    returning id, version`,

  replaceClaims: `update :sessions set claims = $4, renewals = $5, version = coalesce(version, 0) + 1, invalidated_at = $6
    where id = $1 and coalesce(version, 0) = $2 and renewals is not distinct from $3::jsonb and ${LIVE}
    returning id`,

  raiseVersion: `update :sessions set version = coalesce(version, 0) + 1, invalidated_at = $2
    where id = $1 and ${LIVE}
    returning version`,

  raiseVersions: `update :sessions set version = coalesce(version, 0) + 1, invalidated_at = $2
    where id = any($1::uuid[]) and ${LIVE}
    returning id, version`,

  bindDevice: `update :sessions set device_key = $2, device_kind = $3
    where id = $1 and device_key is null and ${LIVE}
    returning id`,

  startRenewal: `update :sessions set renewals = $4, expires_at = $5, prune_on = $6
    where id = $1 and coalesce(version, 0) = $2 and renewals is not distinct from $3::jsonb and ${LIVE}
    returning id`,

  confirmRenewal: `update :sessions set generation = $4, current = $5, previous = null, turned_at = $6, switched_at = null,
      expires_at = $7, prune_on = $8, ip = $9, user_agent = $10, anchor_hash = $13, auth_time = $14,
      absolute_expires_at = $15, claims = $16, version = coalesce(version, 0) + 1, invalidated_at = $17, reuse_since = $18,
      renewals = $19
    where ${EXPECTED} and coalesce(version, 0) = $11 and renewals is not distinct from $12::jsonb
    returning id`,

  reauthenticate: `update :sessions set auth_time = $3, version = coalesce(version, 0) + 1, invalidated_at = $3,
      expires_at = $4, absolute_expires_at = $5, prune_on = $6, reuse_since = coalesce(reuse_since, auth_time, created_at)
    where id = $1 and coalesce(version, 0) = $2 and ${LIVE}
    returning id`,

  // A bare name in `order by` would mean the number, which has no index.
  changes: `select id, version, ended_at, end_reason, ${milliseconds('invalidated_at')} as invalidated_at from :sessions s
    where invalidated_at >= $1 order by s.invalidated_at, id limit $2`,

  changesAfter: `select id, version, ended_at, end_reason, ${milliseconds('invalidated_at')} as invalidated_at from :sessions s
    where invalidated_at >= $1 and (invalidated_at, id) > ($3::timestamptz, $4::uuid)
    order by s.invalidated_at, id limit $2`,

  keys: `select epoch, kid, algorithm, wrapped_key, ${milliseconds('created_at')} as created_at,
      ${milliseconds('signs_from')} as signs_from, ${milliseconds('verifies_until')} as verifies_until
    from :keys order by epoch`,

  insertKey: `insert into :keys (epoch, kid, algorithm, wrapped_key, created_at, signs_from)
    values ($1, $2, $3, $4, $5, $6) on conflict (epoch) do nothing`,

  retireKey: `update :keys set verifies_until = $2 where epoch = $1 and verifies_until is null`,

  deleteKeys: `delete from :keys where verifies_until < $1 returning epoch`,

  deleteAllKeys: `delete from :keys returning epoch`,

  pruneable: `select id from :sessions where prune_on <= $1 order by prune_on limit $2`,

  prune: `${CHANGES.prune} returning id`,

  notify: `select pg_notify($1, $2)`,

  time: `select ${milliseconds('clock_timestamp()')} as now`,
}
