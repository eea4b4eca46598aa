import { InvalidOptionsError } from '../errors.ts'
import { describe } from './check.ts'
import type { OptionValue } from './values.ts'

/**
 * The options of one function: their values and defaults, each with a comment that says what it does. Everything
 * else follows from the table: the check at run time, and by `npm run options` the TypeScript interface with its
 * docstrings and the tables of the documentation. A comment may name the TypeScript type (`@type`) and the default in
 * words (`@defaultValue`), if the values do not say them.
 */
export interface OptionTable {
  readonly [name: string]: Option
}

export interface Option {
  readonly value: OptionValue
  /** The default, as an application would write it. Without one, an option that is left out resolves to `null`. */
  readonly default?: unknown
  readonly required?: true
  /** Only for Pawl's own tests: the published types and the documentation leave it out. */
  readonly internal?: true
}

/**
 * Checks what an application gave against a table and fills in the defaults. A wrong value is an error, never a
 * silent default: `null` too, except where an option takes it.
 * @throws InvalidOptionsError naming the option, the value it got and the values it takes
 */
export function resolveTable<Resolved>(table: OptionTable, given: unknown, path = ''): Resolved {
  const values = checkNames(table, given, path)
  const resolved: Record<string, unknown> = {}
  for (const [name, option] of Object.entries(table)) {
    const value = values[name] === undefined ? option.default : values[name]
    const isAbsent = value === undefined && !option.required
    resolved[name] = isAbsent ? null : option.value.check(pathOf(path, name), value)
  }
  return Object.freeze(resolved) as Resolved
}

function checkNames(table: OptionTable, given: unknown, path: string): Readonly<Record<string, unknown>> {
  const known = Object.keys(table).filter((name) => !table[name]!.internal)
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new InvalidOptionsError(
      path || 'options',
      `${path ? `option \`${path}\`` : 'the options'} must be an object with ${known.join(', ')}, not ${describe(given)}`,
    )
  }
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(table, name)) continue
    const group = known.find((other) => Object.hasOwn(table[other]!.value.group ?? {}, name))
    throw new InvalidOptionsError(
      pathOf(path, name),
      `option \`${pathOf(path, name)}\` is unknown; ${
        group ? `write \`${group}: { ${name}: … }\`` : `known are ${known.join(', ')}`
      }`,
    )
  }
  return given as Readonly<Record<string, unknown>>
}

const pathOf = (path: string, name: string): string => (path ? `${path}.${name}` : name)
