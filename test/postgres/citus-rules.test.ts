import { expect, it } from 'vitest'
import { MIGRATIONS } from '../../src/postgres/migrations.ts'
import { QUERIES } from '../../src/postgres/queries.ts'
import { citusRefusal, citusSchemaRefusal } from '../support/citus-rules.ts'
import { createDatabase, createPool } from '../support/database.ts'

const pool = createPool(await createDatabase())

/** Aggregates are not called by name in an UPDATE. */
const { rows } = await pool.query<{ proname: string }>(
  `select distinct proname from pg_proc where provolatile <> 'i' and pronamespace = 'pg_catalog'::regnamespace`,
)
const mutable = new Set(['extract', ...rows.map(({ proname }) => proname)])

const REFUSED: [text: string, reason: string][] = [
  ['select id from s where user_id = $1 for update', 'FOR UPDATE/SHARE'],
  ['delete from s where ctid in (select ctid from s limit 1)', 'distributed planning'],
  ['update s set at = clock_timestamp() where id = $1', 'must not be VOLATILE'],
  ['insert into s (id) values ($1) on conflict (id) do update set at = now()', 'DO UPDATE SET clause'],
  [
    'insert into s (id) values ($1) on conflict (id) do update set at = current_timestamp',
    'DO UPDATE SET clause',
  ],
  [
    'insert into s (id) values ($1) on conflict (id) do update set at = $2 where s.at < now()',
    'WHERE clause of the ON CONFLICT',
  ],
  ['update s set at = $2 where id = $1 returning now()', 'RETURNING'],
  ['update s set at = $2 where id = $1 returning ended_at < now()', 'RETURNING'],
  ['update s set at = coalesce($2, now()) where id = $1', 'CASE or COALESCE'],
  ['update s set at = case when a then now() end where id = $1', 'CASE or COALESCE'],
  ["update s set at = ended_at + interval '1 day' where id = $1", 'column references'],
  ['update s set text = ended_at::text where id = $1', 'column references'],
  [`update s set at = date_trunc('day', ended_at) where id = $1`, 'column references'],
  ['update s set id = $2 where id = $1', 'partition value'],
  ['merge into s using t on s.id = t.id when matched then delete', 'MERGE'],
  ['select 1; select 2', 'multiple commands'],
]
const REFUSED_CHANGES: [text: string, reason: string][] = [
  ['alter table s add column n bigserial', 'serial'],
  ['alter table s add column n int check (n > 0)', 'CHECK constraints'],
  ['create unique index on s (user_id)', 'unique indexes'],
  ['create trigger t after insert on s execute function f()', 'triggers'],
  ['alter table s drop column id', 'partition column'],
]
const ACCEPTED = [
  'update s set at = now() where id = $1',
  'update s set at = greatest(at, $2) where id = $1',
  'insert into s (id, at) values ($1, now()) on conflict (id) do update set at = excluded.at',
  'select id from s where id = $1 for update',
  'delete from s where expires_at <= now()',
]

it('has no statement and no migration that Citus refuses', () => {
  const refusals = Object.entries(QUERIES).map(([name, text]) => [name, citusRefusal(text, mutable)])
  const changes = MIGRATIONS.flatMap(({ id, statements }) =>
    statements.map(({ text }) => [id, citusSchemaRefusal(text)]),
  )
  expect([...refusals, ...changes].filter(([, reason]) => reason !== null)).toStrictEqual([])
})

it('knows what Citus refuses and accepts', () => {
  for (const [text, reason] of REFUSED) expect(citusRefusal(text, mutable), text).toContain(reason)
  for (const [text, reason] of REFUSED_CHANGES) expect(citusSchemaRefusal(text), text).toContain(reason)
  for (const text of ACCEPTED) expect(citusRefusal(text, mutable), text).toBeNull()
})
