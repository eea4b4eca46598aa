import { delay } from '../core/time/delay.ts'
import { SchemaOutdatedError } from '../portable/errors.ts'
import type { Connection } from './connection.ts'
import { readDistribution } from './distribution.ts'
import { type AppliedMigration, appliedMigrations } from './ledger.ts'
import { MIGRATIONS, type Migration, type MigrationStatement } from './migrations.ts'
import type { Names } from './names.ts'
import { isConcurrentCreation, isForbidden } from './sqlstate.ts'

const ATTEMPTS = 10

/** Stands for the schema itself among the names of what exists. No relation has an empty name. */
const SCHEMA = ''

const BEFORE_MIGRATIONS: readonly MigrationStatement[] = [
  { creates: [SCHEMA], text: 'create schema if not exists :schema' },
  {
    creates: ['migrations'],
    text: `create table if not exists :migrations (
      id integer constraint migrations_pkey primary key,
      breaking boolean not null,
      applied_at timestamptz not null default now()
    )`,
  },
]

/** Every role may read the catalog. The schema is the relation without a name. */
const EXISTING = `select '' as name from pg_catalog.pg_namespace where nspname = $1
  union all
  select c.relname from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace where n.nspname = $1
  union all
  select 'sessions.' || a.attname from pg_catalog.pg_attribute a
    join pg_catalog.pg_class c on c.oid = a.attrelid and c.relname = 'sessions'
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = $1 and a.attnum > 0 and not a.attisdropped`

/**
 * Applies the missing migrations. It creates only what does not exist, so a role needs no more rights than the missing
 * parts take. @returns the ids that this call applied
 */
export async function migrate(connection: Connection, names: Names, schema: string): Promise<number[]> {
  const pending = pendingAfter(await appliedMigrations(connection, names))
  if (pending.length === 0) return []
  await assertNotOnWorker(connection, names)
  const creator = await createCreator(connection, names, schema)
  for (const statement of BEFORE_MIGRATIONS) await creator.create(statement)
  for (const migration of pending) {
    for (const statement of migration.statements) await creator.create(statement)
    await record(connection, names, migration)
  }
  return pending.map(({ id }) => id)
}

/** For a process that must not change the schema. @throws SchemaOutdatedError when a migration is missing */
export async function assertMigrated(connection: Connection, names: Names): Promise<void> {
  const missing = pendingAfter(await appliedMigrations(connection, names))
  if (missing.length > 0) {
    await assertNotOnWorker(connection, names)
    throw new SchemaOutdatedError(
      `schema ${names.schema} lacks migration ${missing.map(({ id }) => id).join(', ')}, and the option \`migrate\` is off. Run \`npx pawl migrate\` as a role that may create tables there.`,
    )
  }
}

/** A table that is created on a worker of Citus exists there alone, and other processes do not see its rows. */
async function assertNotOnWorker(connection: Connection, names: Names): Promise<void> {
  const { isCoordinator } = await readDistribution(connection, names)
  if (isCoordinator !== false) return
  throw new SchemaOutdatedError(
    `The server at ${connection.target.where} is a worker of Citus and does not see every table of schema ${names.schema}. Pawl has changed nothing. Run \`npx pawl migrate --distribute\` with the URL of the coordinator.`,
  )
}

interface Creator {
  /** Runs the statement unless everything that it creates exists. */
  create(statement: MigrationStatement): Promise<void>
}

async function createCreator(connection: Connection, names: Names, schema: string): Promise<Creator> {
  let existing = await readExisting()

  async function readExisting(): Promise<ReadonlySet<string>> {
    return new Set((await connection.query(EXISTING, [schema])).map((row) => row['name'] as string))
  }

  return {
    async create({ creates, text }) {
      for (let attempt = 1; !creates.every((name) => existing.has(name)); attempt++) {
        try {
          await connection.query(names.fill(text), [])
          return
        } catch (error) {
          // Concurrent `create … if not exists` statements of the same object fail. A role without rights also gets here
          // if another role has created the object meanwhile.
          if (!(isConcurrentCreation(error) || isForbidden(error)) || attempt === ATTEMPTS) throw error
          existing = await readExisting()
          if (isForbidden(error) && !creates.every((name) => existing.has(name))) throw error
          await delay(20 * attempt * (0.5 + Math.random()))
        }
      }
    },
  }
}

async function record(connection: Connection, names: Names, { id, breaking }: Migration): Promise<void> {
  const text = 'insert into :migrations (id, breaking) values ($1, $2) on conflict (id) do nothing'
  try {
    await connection.query(names.fill(text), [id, breaking])
  } catch (error) {
    const recorded = isForbidden(error) ? await appliedMigrations(connection, names) : []
    if (!recorded.some((migration) => migration.id === id)) throw error
  }
}

/**
 * The migrations that are missing.
 * @throws SchemaOutdatedError when a newer version of Pawl applied a breaking migration
 */
export function pendingAfter(applied: readonly AppliedMigration[]): readonly Migration[] {
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
