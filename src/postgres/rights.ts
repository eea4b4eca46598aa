import { printable } from '../portable/printable.ts'
import type { Row } from './connection.ts'
import { DISTRIBUTES } from './distribute.ts'
import { type Names, quoted } from './names.ts'
import type { Parameter } from './parameters.ts'
import { unavailable } from './unavailable.ts'

export type Query = (text: string, values: Parameter[]) => Promise<Row[]>

/** Every role may read the catalog. From PostgreSQL 15 `pg_database_owner` stands for the owner of the database. */
const SCHEMA = `select current_user::text as role, current_database()::text as database,
    (select pg_get_userbyid(datdba)::text from pg_catalog.pg_database where datname = current_database())
      as database_owner,
    n.oid is not null as exists, pg_get_userbyid(n.nspowner)::text as owner,
    coalesce(has_schema_privilege(n.oid, 'usage'), false) as may_use,
    coalesce(has_schema_privilege(n.oid, 'create'), false) as may_create
  from (select 1) as one left join pg_catalog.pg_namespace n on n.nspname = $1`
const TABLES = `select c.relname::text as name, pg_get_userbyid(c.relowner)::text as owner,
    pg_has_role(c.relowner, 'usage') as owned,
    has_table_privilege(c.oid, 'select') as may_read,
    has_table_privilege(c.oid, 'insert') and has_table_privilege(c.oid, 'update')
      and has_table_privilege(c.oid, 'delete') as may_write
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relname = any($2::text[]) and c.relkind in ('r', 'p')
  order by c.relname`
/** Without the option `audit` the role needs no rights on its table. */
const TABLE_NAMES = ['migrations', 'sessions', 'signing_keys']
const AUDIT_TABLE = 'session_audit'

/** What the role lacks, who can give it, and by which statement or command. */
interface Missing {
  readonly role: string
  readonly what: string
  readonly by: string
  readonly remedy: string
}

/**
 * The message for a statement that PostgreSQL refused with 42501: who has to run which statement.
 * @param query runs a statement; the catalog can be read by any role
 * @param readOnly whether the role only has to read
 */
export async function explainForbidden(
  query: Query,
  names: Names,
  schema: string,
  where: string,
  error: unknown,
  text: string,
  readOnly = false,
): Promise<string> {
  // A catalog that the role may not read says nothing about its rights.
  if (text === SCHEMA || text === TABLES) return unavailable(error, where).message
  const distributes = DISTRIBUTES.test(text)
  const creates =
    distributes || /^(?:create|alter) /.test(text) || text.startsWith(`insert into ${names.migrations}`)
  // An engine without these functions must not hide PostgreSQL's own words.
  const audited = text.includes(names.audit)
  const missing = await missingRights(query, names, schema, { creates, readOnly, audited }).catch(() => null)
  if (missing === null) return unavailable(error, where).message
  const remedy = missing.remedy.replace('migrate`', distributes ? 'migrate --distribute`' : 'migrate`')
  return sentence({ ...missing, remedy }, ` at ${where}`)
}

/**
 * The same for a role that only uses the tables; `null` if it lacks nothing.
 * @param audited whether it uses the audit table, too
 */
export async function describeMissingRights(
  query: Query,
  names: Names,
  schema: string,
  audited = false,
): Promise<string | null> {
  const missing = await missingRights(query, names, schema, { creates: false, readOnly: false, audited })
  return missing === null ? null : sentence(missing)
}

function sentence({ role, what, by, remedy }: Missing, where = ''): string {
  return printable(`The role ${quoted(role)} ${what}${where}; have ${by} run: ${remedy}`)
}

interface Use {
  /** Whether the role has to create tables. */
  readonly creates: boolean
  readonly readOnly: boolean
  readonly audited: boolean
}

/** @returns `null` if the role lacks nothing */
async function missingRights(
  query: Query,
  names: Names,
  schema: string,
  { creates, readOnly, audited }: Use,
): Promise<Missing | null> {
  const [found = {}] = await query(SCHEMA, [schema])
  const tables = await query(TABLES, [schema, audited ? [...TABLE_NAMES, AUDIT_TABLE] : TABLE_NAMES])
  const role = found['role'] as string
  const to = `to ${quoted(role)}`
  const databaseOwner = owner(found['database_owner'], 'the database')
  const schemaOwner =
    found['owner'] === 'pg_database_owner' ? databaseOwner : owner(found['owner'], 'the schema')
  if (found['exists'] !== true) {
    if (!creates) return null
    return {
      role,
      what: `may not create schema ${names.schema} in database ${quoted(found['database'] as string)}`,
      by: databaseOwner,
      remedy: `create schema ${names.schema}; grant usage, create on schema ${names.schema} ${to};`,
    }
  }
  const unowned = tables.find((table) => table['owned'] !== true)
  if (creates && unowned !== undefined && found['may_use'] === true) {
    return {
      role,
      what: `may not change the tables in schema ${names.schema}`,
      by: owner(unowned['owner'], 'the tables'),
      remedy: '`npx pawl migrate`',
    }
  }
  if (
    (creates || (tables.length === 0 && !readOnly)) &&
    !(found['may_use'] === true && found['may_create'] === true)
  ) {
    return {
      role,
      what: `may not create tables in schema ${names.schema}`,
      by: schemaOwner,
      remedy: `grant usage, create on schema ${names.schema} ${to};`,
    }
  }
  return missingGrants(found, tables, names, schemaOwner, readOnly)
}

function missingGrants(
  found: Row,
  tables: readonly Row[],
  names: Names,
  schemaOwner: string,
  readOnly: boolean,
): Missing | null {
  const role = found['role'] as string
  const to = `to ${quoted(role)}`
  const statements: string[] = []
  const owners = new Set<string>()
  if (found['may_use'] !== true) {
    statements.push(`grant usage on schema ${names.schema} ${to};`)
    owners.add(schemaOwner)
  }
  for (const { name, owner: owned, may_read, may_write } of tables) {
    const onlyRead = readOnly || name === 'migrations'
    if (may_read === true && (onlyRead || may_write === true)) continue
    const rights = onlyRead ? 'select' : 'select, insert, update, delete'
    statements.push(`grant ${rights} on ${names.schema}.${quoted(name as string)} ${to};`)
    owners.add(owner(owned, 'the tables'))
  }
  if (statements.length === 0) return null
  return {
    role,
    what: `may not use the tables in schema ${names.schema}`,
    by: [...owners].join(' and '),
    remedy: statements.join(' '),
  }
}

function owner(name: unknown, of: string): string {
  return `${quoted(String(name))} (the owner of ${of}) or a superuser`
}
