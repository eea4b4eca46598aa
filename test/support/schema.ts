import type { SchemaResult, StandardSchemaV1 } from '../../src/portable/standard-schema.ts'

/** Makes a Standard Schema from a function that throws the path of an invalid value. */
export function schema<T>(
  check: (value: unknown) => T,
  mode: 'sync' | 'async' = 'sync',
): StandardSchemaV1<unknown, T> {
  const run = (value: unknown): SchemaResult<T> => {
    try {
      return { value: check(value) }
    } catch (path) {
      return { issues: [{ message: 'no', path: path as string[] }] }
    }
  }
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: mode === 'sync' ? run : async (value) => run(value),
    },
  }
}

/** Checks `{ role: string }` and converts the role to lower case. */
export function role(value: unknown): { role: string } {
  const { role } = value as { role?: unknown }
  if (typeof role !== 'string') throw ['role']
  return { role: role.toLowerCase() }
}

/** Checks `{ count: number, note?: string }`. */
export function counter(value: unknown): { count: number; note?: string } {
  const { count, ...rest } = (value ?? {}) as { count?: unknown; note?: string }
  if (count !== undefined && typeof count !== 'number') throw ['count']
  return { count: count ?? 0, ...rest }
}
