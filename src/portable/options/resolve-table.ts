import { InvalidOptionsError } from '../errors.ts'
import { describe } from './check.ts'
import type { OptionTable } from './option.ts'

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
