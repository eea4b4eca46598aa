/**
 * One numbered step of the schema. A released step never changes: add a new one instead.
 *
 * Older releases go on beside a step that is not breaking. They name their columns and insert without the new ones. So
 * such a step only adds: tables, indexes, and columns that are nullable or have a default. It adds no constraint that a
 * write of an older release may violate, and it does not rename, drop or change what an older release names.
 */
export interface Migration {
  readonly id: number
  /** Whether older releases cannot work with the schema after this step. */
  readonly breaking: boolean
  /** Idempotent, one statement each, because several processes may run them at the same time. */
  readonly statements: readonly MigrationStatement[]
}

export interface MigrationStatement {
  /**
   * Names of relations in the schema, or `sessions.column`. If all exist, the statement does not run: PostgreSQL checks
   * the rights of the role first, and `if not exists` only afterwards.
   */
  readonly creates: readonly string[]
  readonly text: string
}

/**
 * The only constraints are primary keys, and there is no trigger or sequence. So the schema also works on
 * distributed engines, which distribute `sessions` by `id`. `:schema`, `:sessions`, `:keys`,
 * `:migrations` and `:audit` stand for the escaped names.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    id: 1,
    breaking: true,
    statements: [
      // A turn is a HOT update: the new row version stays in its page. So no index covers a column that a
      // turn changes, except `prune_on`, which changes about once a week. The free 10 % of each page hold
      // at least 95 % of the new versions.
      //
      // Large columns come first, so that rows have no padding. The columns that a turn changes are
      // neighbors, because the write-ahead log records the range from the first changed byte to the last.
      {
        creates: ['sessions'],
        text: `create table if not exists :sessions (
        id uuid constraint sessions_pkey primary key,
        created_at timestamptz not null,
        auth_time timestamptz,
        absolute_expires_at timestamptz,
        ended_at timestamptz,
        invalidated_at timestamptz,
        switched_at timestamptz,
        turned_at timestamptz,
        expires_at timestamptz not null,
        prune_on date not null,
        generation integer not null,
        version integer,
        data_version integer,
        idle_timeout integer,
        persistent boolean,
        current bytea not null,
        previous bytea,
        anchor_hash bytea not null,
        user_id text not null,
        claims json,
        data jsonb,
        ip inet,
        user_agent text,
        end_reason text
      ) with (fillfactor = 90)`,
      },
      {
        creates: ['sessions_user_id_idx'],
        text: `create index if not exists sessions_user_id_idx on :sessions (user_id)`,
      },
      {
        creates: ['sessions_prune_on_idx'],
        text: `create index if not exists sessions_prune_on_idx on :sessions (prune_on)`,
      },
      {
        creates: ['sessions_invalidated_at_idx'],
        text: `create index if not exists sessions_invalidated_at_idx on :sessions (invalidated_at) where invalidated_at is not null`,
      },
      {
        creates: ['signing_keys'],
        text: `create table if not exists :keys (
        epoch integer constraint signing_keys_pkey primary key,
        kid text not null,
        algorithm text not null,
        wrapped_key bytea not null,
        created_at timestamptz not null,
        signs_from timestamptz not null,
        verifies_until timestamptz
      )`,
      },
    ],
  },
  {
    id: 2,
    breaking: false,
    statements: [
      {
        creates: ['sessions.renewals', 'sessions.reuse_since'],
        text: `alter table :sessions add column if not exists renewals jsonb,
        add column if not exists reuse_since timestamptz`,
      },
    ],
  },
  {
    id: 3,
    breaking: false,
    statements: [
      {
        creates: ['sessions.actor_session_id', 'sessions.actor_user_id'],
        text: `alter table :sessions add column if not exists actor_session_id uuid,
        add column if not exists actor_user_id text`,
      },
      {
        creates: ['sessions_actor_user_id_idx'],
        text: `create index if not exists sessions_actor_user_id_idx on :sessions (actor_user_id) where actor_user_id is not null`,
      },
    ],
  },
  {
    id: 4,
    breaking: false,
    statements: [
      {
        creates: ['sessions.device_key', 'sessions.device_kind'],
        text: `alter table :sessions add column if not exists device_key bytea,
        add column if not exists device_kind text`,
      },
    ],
  },
  {
    id: 5,
    breaking: false,
    statements: [
      // Stays empty without the option `audit`. The key contains the time, so that an operator may partition the table by
      // it, and tells rows apart for logical replication. It is also the index of a search by time.
      {
        creates: ['session_audit'],
        text: `create table if not exists :audit (
        at timestamptz not null,
        session_id uuid not null,
        signed_in_at timestamptz,
        last_seen_at timestamptz,
        kind text not null,
        user_id text not null,
        ip inet,
        user_agent text,
        reason text,
        actor_user_id text,
        presenter_ip inet,
        presenter_user_agent text,
        constraint session_audit_pkey primary key (at, session_id, kind)
      )`,
      },
      {
        creates: ['session_audit_user_id_idx'],
        text: `create index if not exists session_audit_user_id_idx on :audit (user_id, at)`,
      },
      {
        creates: ['session_audit_ip_idx'],
        text: `create index if not exists session_audit_ip_idx on :audit (ip, at) where ip is not null`,
      },
      {
        creates: ['session_audit_reuse_idx'],
        text: `create index if not exists session_audit_reuse_idx on :audit (at) where reason = 'reuse'`,
      },
      {
        creates: ['session_audit_actor_user_id_idx'],
        text: `create index if not exists session_audit_actor_user_id_idx on :audit (actor_user_id) where actor_user_id is not null`,
      },
    ],
  },
]
