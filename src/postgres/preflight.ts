import { SchemaOutdatedError } from '../portable/errors.ts'
import { printable } from '../portable/printable.ts'
import { AUDIT_COLUMNS } from './audit/queries.ts'
import type { Connection, Row } from './connection.ts'
import { MIGRATIONS } from './migrations.ts'
import type { Names } from './names.ts'
import { SESSION_COLUMNS } from './queries.ts'
import { isUnsupported } from './sqlstate.ts'

/** The tables, indexes and later columns that migrations create. */
const ADDED: ReadonlySet<string> = new Set(
  MIGRATIONS.flatMap(({ statements }) => statements.flatMap(({ creates }) => creates)),
)

/** The columns that the first migration makes. A table that lacks one of them belongs to another program. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  sessions: [...SESSION_COLUMNS.filter((name) => !ADDED.has(`sessions.${name}`)), 'invalidated_at'],
  signing_keys: ['epoch', 'kid', 'algorithm', 'wrapped_key', 'created_at', 'signs_from', 'verifies_until'],
  migrations: ['id', 'breaking', 'applied_at'],
  session_audit: AUDIT_COLUMNS,
}

export const TABLE_NAMES: readonly string[] = Object.keys(COLUMNS)

const OWN_SCHEMA =
  "Pawl has changed nothing. Give it a schema of its own with the option `schema`, for example `schema: 'pawl'`."

/**
 * Whether row level security may hide rows of the table `c` from this role: it applies to the role, and no policy shows
 * all rows.
 */
export const HIDES_ROWS = `(row_security_active(c.oid) and (
    not exists (select 1 from pg_policies p where p.schemaname = n.nspname and p.tablename = c.relname
      and p.permissive = 'PERMISSIVE' and p.cmd = 'ALL' and p.qual = 'true'
      and exists (select 1 from unnest(p.roles) r where r = 'public' or pg_has_role(current_user, r, 'usage')))
    or exists (select 1 from pg_policies p where p.schemaname = n.nspname and p.tablename = c.relname
      and p.permissive = 'RESTRICTIVE')))`

export const TABLES: string = `select c.relname as name, current_user as role, c.relkind in ('r', 'p') as is_table, ${HIDES_ROWS} as hides_rows,
    (select json_agg(a.attname) from pg_attribute a
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relname = any($2::text[]) and c.relkind in ('r', 'p', 'v', 'm', 'f')
  order by c.relname`

/**
 * Looks at the tables that exist, before anything is created or changed.
 * @throws SchemaOutdatedError for a table of another program, and for one whose rows are hidden from the role
 */
export async function assertUsable(connection: Connection, names: Names, schema: string): Promise<void> {
  assertTablesUsable(await readTables(connection, schema), names, connection.target.where)
}

/** The same for tables that were read already. @throws SchemaOutdatedError */
export function assertTablesUsable(tables: readonly Row[], names: Names, where: string): void {
  for (const { name, role, columns, is_table, hides_rows } of tables) {
    const table = printable(`Table ${names.schema}.${name} at ${where}`)
    const missing = COLUMNS[name as string]!.filter(
      (column) => !(columns as string[] | null)?.includes(column),
    )
    if (is_table !== true) {
      throw new SchemaOutdatedError(
        `${table} is a view or a foreign table, and Pawl needs a table. ${OWN_SCHEMA}`,
      )
    }
    if (missing.length > 0) {
      throw new SchemaOutdatedError(
        `${table} is not a table of Pawl: it has no ${missing.length === 1 ? 'column' : 'columns'} ${missing.join(', ')}. ` +
          OWN_SCHEMA,
      )
    }
    if (hides_rows === true) {
      throw new SchemaOutdatedError(
        `${table} has row level security, which may hide rows from the role ${printable(role as string)}. Pawl must see every row: connect as ` +
          'the owner of the table, give the role BYPASSRLS, or add a policy for all commands `using (true)`.',
      )
    }
  }
}

async function readTables(connection: Connection, schema: string): Promise<Row[]> {
  try {
    return await connection.query(TABLES, [schema, [...TABLE_NAMES]])
  } catch (error) {
    // An engine without these catalogs has no row level security either.
    if (isUnsupported(error)) return []
    throw error
  }
}
