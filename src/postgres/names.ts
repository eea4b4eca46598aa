import { check } from '../portable/options/check.ts'

/** The names of Pawl's tables, escaped once. */
export interface Names {
  readonly schema: string
  readonly sessions: string
  readonly keys: string
  readonly migrations: string
  readonly audit: string
  /** Replaces the placeholders of a statement, such as `:sessions`, with the names. */
  fill(text: string): string
}

/** PostgreSQL truncates longer identifiers and reserves the prefix `pg_`. */
export const SCHEMA_NAME = 'a name of 1 to 63 bytes that does not begin with `pg_`'

/** @throws InvalidOptionsError */
export function checkSchemaName(option: string, name: unknown): string {
  const isName =
    typeof name === 'string' &&
    name !== '' &&
    Buffer.byteLength(name) <= 63 &&
    !name.includes('\0') &&
    !name.startsWith('pg_')
  return isName ? name : check.fail(option, name, SCHEMA_NAME)
}

/** A name as an SQL identifier. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** @throws InvalidOptionsError for a name that {@link checkSchemaName} refuses */
export function createNames(schema: string): Names {
  checkSchemaName('schema', schema)
  const escaped = quoted(schema)
  const names: Record<string, string> = {
    schema: escaped,
    sessions: `${escaped}.sessions`,
    keys: `${escaped}.signing_keys`,
    migrations: `${escaped}.migrations`,
    audit: `${escaped}.session_audit`,
  }
  return {
    schema: escaped,
    sessions: names['sessions']!,
    keys: names['keys']!,
    migrations: names['migrations']!,
    audit: names['audit']!,
    // `::uuid` is a cast, not a name.
    fill: (text) =>
      text.replace(/(?<!:):(schema|sessions|keys|migrations|audit)\b/g, (_, name: string) => names[name]!),
  }
}
