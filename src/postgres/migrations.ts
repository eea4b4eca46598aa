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
      // page has room. `prune_on` is a day, which is raised about once a week. The first turn makes a row
      // 25 bytes longer: with 10 % of a page kept free, at least 95 % of turns stay within theirs in every
      // pattern of use that was measured; with 5 % it was 88 %, and with 15 % it was 99 %.
      //
      // Columns stand in the order of their size, 8 bytes first, so that no row has padding (10 bytes).
      // What a turn changes stands together, from `turned_at` to `previous`: the log takes what is
      // between the first byte that differs and the last.
      `create table if not exists :sessions (
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
