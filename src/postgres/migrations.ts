/** One numbered step of the schema. Never changed once released; a new step is added instead. */
export interface Migration {
  readonly id: number
  /** Releases that know nothing of this step cannot work with the schema after it. */
  readonly breaking: boolean
  /** One statement each, idempotent: several processes may run them at once, and any may be repeated. */
  readonly statements: readonly string[]
}

/**
 * No foreign key, trigger, sequence or unique constraint besides the primary keys: the same schema runs
 * on distributed engines, where `sessions` is distributed by `id`. `:schema`, `:sessions`, `:keys` and
 * `:migrations` stand for the escaped names.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    id: 1,
    breaking: true,
    statements: [
      // A turn rewrites the row within its page (HOT): no index covers a column it changes, and the
      // page has room. `prune_on` is a day, so it changes at most once a day.
      `create table if not exists :sessions (
        id uuid constraint sessions_pkey primary key,
        user_id text not null,
        generation integer not null,
        current bytea not null,
        previous bytea,
        anchor_hash bytea not null,
        turned_at timestamptz not null,
        switched_at timestamptz,
        version integer not null,
        created_at timestamptz not null,
        auth_time timestamptz not null,
        last_seen_at timestamptz not null,
        expires_at timestamptz not null,
        absolute_expires_at timestamptz,
        idle_timeout integer,
        persistent boolean,
        claims jsonb,
        data jsonb,
        data_version integer not null,
        ip inet,
        user_agent text,
        invalidated_at timestamptz,
        ended_at timestamptz,
        end_reason text,
        prune_on date not null
      ) with (fillfactor = 85)`,
      `create index if not exists sessions_user_id_idx on :sessions (user_id)`,
      `create index if not exists sessions_prune_on_idx on :sessions (prune_on)`,
      `create index if not exists sessions_invalidated_at_idx on :sessions (invalidated_at) where invalidated_at is not null`,
      `create table if not exists :keys (
        epoch integer constraint signing_keys_pkey primary key,
        kid text not null,
        algorithm text not null,
        wrapped_key bytea not null,
        created_at timestamptz not null,
        signs_from timestamptz not null,
        verifies_until timestamptz
      )`,
    ],
  },
]
