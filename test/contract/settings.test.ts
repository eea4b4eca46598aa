import pg from 'pg'
import { afterAll, expect, it } from 'vitest'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { describeStore } from './store-contract.ts'

/** Settings that change how PostgreSQL prints and reads values. */
const SETTINGS = [
  ['DateStyle', "'SQL, DMY'"],
  ['IntervalStyle', 'sql_standard'],
  ['bytea_output', 'escape'],
  ['extra_float_digits', '-15'],
  ['standard_conforming_strings', 'off'],
  ['escape_string_warning', 'off'],
  ['TimeZone', "'Asia/Kolkata'"],
] as const

/** The types of columns that Pawl reads: bool, bytea, int8, int4, text, json, uuid, date, timestamptz, inet, jsonb. */
const TYPES = [16, 17, 20, 23, 25, 114, 2950, 1082, 1184, 869, 3802]

const url = await createDatabase()
const pool = createPool(url)
const parsers = TYPES.map((type) => [type, pg.types.getTypeParser(type)] as const)
for (const [type] of parsers) pg.types.setTypeParser(type, () => 'parsed by the application')
afterAll(() => {
  for (const [type, parser] of parsers) pg.types.setTypeParser(type, parser)
})
for (const [name, value] of SETTINGS)
  await pool.query(
    `do $$ begin execute format('alter database %I set ${name} = ${value.replaceAll("'", "''")}', current_database()); end $$`,
  )

const settled = createPool(url)

describeStore('PostgreSQL, with other settings and parsers,', async () => {
  const store = postgres({ pool: settled })
  await store.start()
  return store
})

it.each(['ISO', 'German', 'Postgres, MDY', 'SQL, MDY'])(
  'the status is read with DateStyle %s',
  async (style) => {
    const store = postgres({ pool: createPool(url, { options: `-c DateStyle=${style.replace(' ', '')}` }) })
    const status = await store.status({ exact: true, lastSeenBefore: new Date() })
    expect(Math.abs(status.at.getTime() - Date.now())).toBeLessThan(10_000)
    expect(status.schema.applied![0]!.at.getTime()).toBeGreaterThan(Date.now() - 600_000)
  },
)
