import { delay } from '../core/time/delay.ts'
import { SchemaOutdatedError } from '../portable/errors.ts'
import type { Connection } from './connection.ts'
import { type AppliedMigration, appliedMigrations } from './ledger.ts'
import { MIGRATIONS, type Migration } from './migrations.ts'
import type { Names } from './names.ts'
import { isAlreadyThere, isConflict, sqlState } from './sqlstate.ts'

const ATTEMPTS = 10

/** @returns the ids applied by this call */
export async function migrate(connection: Connection, names: Names): Promise<number[]> {
  const pending = pendingAfter(await appliedMigrations(connection, names))
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
  const missing = pendingAfter(await appliedMigrations(connection, names))
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
      await delay(20 * attempt * (0.5 + Math.random()))
    }
  }
}

/** @throws SchemaOutdatedError after a breaking migration that this version does not know */
function pendingAfter(applied: readonly AppliedMigration[]): readonly Migration[] {
  const known = new Set(MIGRATIONS.map(({ id }) => id))
  const unknown = applied.find(({ id, breaking }) => breaking && !known.has(id))
  if (unknown !== undefined) {
    throw new SchemaOutdatedError(
      `the database schema has migration ${unknown.id}, which this version of Pawl does not know; update \`pawl\``,
    )
  }
  const done = new Set(applied.map(({ id }) => id))
  return MIGRATIONS.filter(({ id }) => !done.has(id))
}
