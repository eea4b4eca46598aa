import { setTimeout as sleep } from 'node:timers/promises'
import { SchemaOutdatedError } from '../portable/errors.ts'
import type { Connection } from './connection.ts'
import { MIGRATIONS } from './migrations.ts'
import type { Names } from './names.ts'
import { isAlreadyThere, isConflict, sqlState } from './sqlstate.ts'

const ATTEMPTS = 10
const UNDEFINED_TABLE = '42P01'
const UNDEFINED_SCHEMA = '3F000'

/** @returns the ids applied by this call */
export async function migrate(connection: Connection, names: Names): Promise<number[]> {
  const before = await appliedMigrations(connection, names)
  refuseNewer(before)
  const pending = MIGRATIONS.filter(({ id }) => !before.has(id))
  if (pending.length === 0) return []
  await statement(connection, names, 'create schema if not exists :schema')
  await statement(
    connection,
    names,
    `create table if not exists :migrations (
      id integer constraint migrations_pkey primary key,
      breaking boolean not null,
      applied_at timestamptz not null default now()
    )`,
  )
  for (const { id, breaking, statements } of pending) {
    for (const text of statements) await statement(connection, names, text)
    await connection.query(
      names.fill('insert into :migrations (id, breaking) values ($1, $2) on conflict (id) do nothing'),
      [id, breaking],
    )
  }
  return pending.map(({ id }) => id)
}

/** For processes that must not change the schema. @throws SchemaOutdatedError */
export async function assertMigrated(connection: Connection, names: Names): Promise<void> {
  const applied = await appliedMigrations(connection, names)
  refuseNewer(applied)
  const missing = MIGRATIONS.filter(({ id }) => !applied.has(id))
  if (missing.length > 0) {
    throw new SchemaOutdatedError(
      `schema ${names.schema} lacks ${missing.length} migration(s) and \`migrate\` is off; run \`npx pawl migrate\``,
    )
  }
}

/**
 * `create … if not exists` is not safe against itself: of twelve processes at once most get 23505.
 * Whoever loses waits a moment and looks again.
 */
async function statement(connection: Connection, names: Names, text: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await connection.query(names.fill(text), [])
      return
    } catch (error) {
      const concurrent = isAlreadyThere(error) || isConflict(error) || sqlState(error) === 'XX000'
      if (!concurrent || attempt === ATTEMPTS) throw error
      await sleep(20 * attempt * (0.5 + Math.random()))
    }
  }
}

async function appliedMigrations(connection: Connection, names: Names): Promise<Map<number, boolean>> {
  try {
    const rows = await connection.query(names.fill('select id, breaking from :migrations'), [])
    return new Map(rows.map((row) => [row['id'] as number, row['breaking'] as boolean]))
  } catch (error) {
    const code = sqlState(error)
    if (code === UNDEFINED_TABLE || code === UNDEFINED_SCHEMA) return new Map()
    throw error
  }
}

function refuseNewer(applied: ReadonlyMap<number, boolean>): void {
  const known = new Set(MIGRATIONS.map(({ id }) => id))
  for (const [id, breaking] of applied) {
    if (breaking && !known.has(id)) {
      throw new SchemaOutdatedError(
        `the database schema has migration ${id}, which this version of Pawl does not know; update \`pawl\``,
      )
    }
  }
}
