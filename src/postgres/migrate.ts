import { delay } from '../core/time/delay.ts'
import { SchemaOutdatedError } from '../portable/errors.ts'
import type { Connection } from './connection.ts'
import { type AppliedMigration, appliedMigrations } from './ledger.ts'
import { MIGRATIONS, type Migration } from './migrations.ts'
import type { Names } from './names.ts'
import { isConcurrentCreation } from './sqlstate.ts'

const ATTEMPTS = 10

/** Applies the missing migrations. @returns the ids that this call applied */
export async function migrate(connection: Connection, names: Names): Promise<number[]> {
  const pending = pendingAfter(await appliedMigrations(connection, names))
  if (pending.length === 0) return []
  await runStatement(connection, names, 'create schema if not exists :schema')
  await runStatement(
    connection,
    names,
    `create table if not exists :migrations (
      id integer constraint migrations_pkey primary key,
      breaking boolean not null,
      applied_at timestamptz not null default now()
    )`,
  )
  for (const { id, breaking, statements } of pending) {
    for (const text of statements) await runStatement(connection, names, text)
    await connection.query(
      names.fill('insert into :migrations (id, breaking) values ($1, $2) on conflict (id) do nothing'),
      [id, breaking],
    )
  }
  return pending.map(({ id }) => id)
}

/** For a process that must not change the schema. @throws SchemaOutdatedError when a migration is missing */
export async function assertMigrated(connection: Connection, names: Names): Promise<void> {
  const missing = pendingAfter(await appliedMigrations(connection, names))
  if (missing.length > 0) {
    throw new SchemaOutdatedError(
      `schema ${names.schema} lacks migration ${missing.map(({ id }) => id).join(', ')}, and the option \`migrate\` is off. Run \`npx pawl migrate\`.`,
    )
  }
}

/** Retries, because concurrent `create … if not exists` statements of the same object fail. */
async function runStatement(connection: Connection, names: Names, text: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await connection.query(names.fill(text), [])
      return
    } catch (error) {
      if (!isConcurrentCreation(error) || attempt === ATTEMPTS) throw error
      await delay(20 * attempt * (0.5 + Math.random()))
    }
  }
}

/** @throws SchemaOutdatedError when a newer version of Pawl applied a breaking migration */
function pendingAfter(applied: readonly AppliedMigration[]): readonly Migration[] {
  const known = new Set(MIGRATIONS.map(({ id }) => id))
  const unknown = applied.find(({ id, breaking }) => breaking && !known.has(id))
  if (unknown !== undefined) {
    throw new SchemaOutdatedError(
      `The schema has migration ${unknown.id} of a later release of Pawl, and this release cannot work with it. Update \`pawl\`. To go back, restore a backup from before that migration.`,
    )
  }
  const done = new Set(applied.map(({ id }) => id))
  return MIGRATIONS.filter(({ id }) => !done.has(id))
}
