import { expect, it } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { openSessions } from '../support/sessions.ts'

const pool = createPool(await createDatabase())

const columnsOf = async (schema: string): Promise<unknown> =>
  (
    await pool.query(
      `select table_name, column_name from information_schema.columns where table_schema = $1 order by 1, 2`,
      [schema],
    )
  ).rows

it.each([
  ['sessions', 'sid varchar primary key, sess json not null, expire timestamp(6) not null', 'id, user_id, '],
  ['sessions', 'id text primary key, user_id bigint, payload text', 'generation, current, '],
  ['signing_keys', 'kid text primary key', 'epoch, algorithm, '],
  ['migrations', 'id serial, "timestamp" bigint, name text', 'breaking, applied_at'],
])('refuses a table %s of another program (%s), and changes nothing', async (table, columns, missing) => {
  const schema = `foreign_${Math.random().toString(36).slice(2)}`
  await pool.query(`create schema ${schema}`)
  await pool.query(`create table ${schema}.${table} (${columns})`)
  const before = await columnsOf(schema)
  for (const migrate of [true, false]) {
    const start = openSessions({ store: postgres({ pool, schema, migrate, listen: false }) })
    await expect(start).rejects.toThrow(coded('ERR_SCHEMA_OUTDATED') as Error)
    await expect(start).rejects.toThrow(
      new RegExp(`Table "${schema}"\\.${table} at .* is not a table of Pawl: it has no columns ${missing}`),
    )
    await expect(start).rejects.toThrow("`schema: 'pawl'`")
  }
  expect(await columnsOf(schema)).toStrictEqual(before)
})

it('refuses a view in place of a table', async () => {
  await openSessions({ store: postgres({ pool, listen: false }) })
  await pool.query('create schema viewed; create view viewed.sessions as select * from pawl.sessions')
  const start = openSessions({ store: postgres({ pool, schema: 'viewed', listen: false }) })
  await expect(start).rejects.toThrow(coded('ERR_SCHEMA_OUTDATED') as Error)
  await expect(start).rejects.toThrow(/"viewed"\.sessions at .* is a view or a foreign table/)
})

it('shares a schema with tables of other names', async () => {
  await pool.query('create table public.users (id text)')
  await openSessions({ store: postgres({ pool, schema: 'public', listen: false }) })
})
