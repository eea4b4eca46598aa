import { check } from '../core/options/options.ts'

/** The names of Pawl's tables, escaped once. */
export interface Names {
  readonly schema: string
  readonly sessions: string
  readonly keys: string
  readonly migrations: string
  /** Puts the names into a statement. */
  fill(text: string): string
}

export function createNames(schema: string): Names {
  if (schema === '' || Buffer.byteLength(schema) > 63 || schema.includes('\0') || schema.startsWith('pg_')) {
    check.fail('schema', schema, 'a schema name of 1 to 63 bytes that does not start with `pg_`')
  }
  const escaped = `"${schema.replaceAll('"', '""')}"`
  const names: Record<string, string> = {
    schema: escaped,
    sessions: `${escaped}.sessions`,
    keys: `${escaped}.signing_keys`,
    migrations: `${escaped}.migrations`,
  }
  return {
    schema: escaped,
    sessions: names['sessions']!,
    keys: names['keys']!,
    migrations: names['migrations']!,
    // `::uuid` is a cast, not a name.
    fill: (text) =>
      text.replace(/(?<!:):(schema|sessions|keys|migrations)\b/g, (_, name: string) => names[name]!),
  }
}
