-- tables
migrations
session_audit
sessions with (fillfactor=90)
signing_keys

-- columns
migrations.id integer not null
migrations.breaking boolean not null
migrations.applied_at timestamp with time zone not null default now()
session_audit.at timestamp with time zone not null
session_audit.session_id uuid not null
session_audit.signed_in_at timestamp with time zone
session_audit.last_seen_at timestamp with time zone
session_audit.kind text not null
session_audit.user_id text not null
session_audit.ip inet
session_audit.user_agent text
session_audit.reason text
session_audit.actor_user_id text
session_audit.presenter_ip inet
session_audit.presenter_user_agent text
sessions.id uuid not null
sessions.created_at timestamp with time zone not null
sessions.auth_time timestamp with time zone
sessions.absolute_expires_at timestamp with time zone
sessions.ended_at timestamp with time zone
sessions.invalidated_at timestamp with time zone
sessions.switched_at timestamp with time zone
sessions.turned_at timestamp with time zone
sessions.expires_at timestamp with time zone not null
sessions.prune_on date not null
sessions.generation integer not null
sessions.version integer
sessions.data_version integer
sessions.idle_timeout integer
sessions.persistent boolean
sessions.current bytea not null
sessions.previous bytea
sessions.anchor_hash bytea not null
sessions.user_id text not null
sessions.claims json
sessions.data jsonb
sessions.ip inet
sessions.user_agent text
sessions.end_reason text
sessions.renewals jsonb
sessions.reuse_since timestamp with time zone
sessions.actor_session_id uuid
sessions.actor_user_id text
sessions.device_key bytea
sessions.device_kind text
signing_keys.epoch integer not null
signing_keys.kid text not null
signing_keys.algorithm text not null
signing_keys.wrapped_key bytea not null
signing_keys.created_at timestamp with time zone not null
signing_keys.signs_from timestamp with time zone not null
signing_keys.verifies_until timestamp with time zone

-- constraints
migrations migrations_pkey PRIMARY KEY (id)
session_audit session_audit_pkey PRIMARY KEY (at, session_id, kind)
sessions sessions_pkey PRIMARY KEY (id)
signing_keys signing_keys_pkey PRIMARY KEY (epoch)

-- indexes
CREATE INDEX session_audit_actor_user_id_idx ON pawl.session_audit USING btree (actor_user_id) WHERE (actor_user_id IS NOT NULL)
CREATE INDEX session_audit_ip_idx ON pawl.session_audit USING btree (ip, at) WHERE (ip IS NOT NULL)
CREATE INDEX session_audit_reuse_idx ON pawl.session_audit USING btree (at) WHERE (reason = 'reuse'::text)
CREATE INDEX session_audit_user_id_idx ON pawl.session_audit USING btree (user_id, at)
CREATE INDEX sessions_actor_user_id_idx ON pawl.sessions USING btree (actor_user_id) WHERE (actor_user_id IS NOT NULL)
CREATE INDEX sessions_invalidated_at_idx ON pawl.sessions USING btree (invalidated_at) WHERE (invalidated_at IS NOT NULL)
CREATE INDEX sessions_prune_on_idx ON pawl.sessions USING btree (prune_on)
CREATE INDEX sessions_user_id_idx ON pawl.sessions USING btree (user_id)
CREATE UNIQUE INDEX migrations_pkey ON pawl.migrations USING btree (id)
CREATE UNIQUE INDEX session_audit_pkey ON pawl.session_audit USING btree (at, session_id, kind)
CREATE UNIQUE INDEX sessions_pkey ON pawl.sessions USING btree (id)
CREATE UNIQUE INDEX signing_keys_pkey ON pawl.signing_keys USING btree (epoch)

-- anything else
