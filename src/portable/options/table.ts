import { InvalidOptionsError } from '../errors.ts'
import { check, describe } from './check.ts'
import type { OptionValue } from './values.ts'

/**
 * The options of one function: their meaning, values and defaults. Pawl reads everything else from this table: the
 * check at run time, the TypeScript interface and the tables of the documentation (`npm run options` writes both).
 */
export interface OptionTable {
  readonly [name: string]: Option | OptionGroup
}

export interface Option {
  /** What the option does, as the interface and the documentation say it. */
  readonly meaning: string
  readonly value: OptionValue
  /** The default, as an application would write it. Without one, an option that is left out resolves to `null`. */
  readonly default?: unknown
  /** The default in words, where it depends on something else. */
  readonly defaultText?: string
  readonly required?: true
  /** Only for Pawl's own tests: the published types and the documentation leave it out. */
  readonly internal?: true
  /** The value must be at least so many times another option of the same group. A smaller default is raised. */
  readonly atLeast?: { readonly option: string; readonly times: number }
}

/** Options that belong together, in an object of their own. */
export interface OptionGroup {
  readonly meaning: string
  /** Name of its interface. */
  readonly type: string
  readonly options: OptionTable
}

/**
 * Checks what an application gave against a table and fills in the defaults. A wrong value is an error, never a
 * silent default: `null` too, except where an option takes it.
 * @throws InvalidOptionsError naming the option, the value it got and the values it takes
 */
export function resolveTable<Resolved>(table: OptionTable, given: unknown, path = ''): Resolved {
  const values = checkNames(table, given, path)
  const resolved: Record<string, unknown> = {}
  for (const [name, entry] of Object.entries(table)) {
    const option = path === '' ? name : `${path}.${name}`
    resolved[name] = isGroup(entry)
      ? resolveTable(entry.options, values[name] === undefined ? {} : values[name], option)
      : resolveOption(table, values, entry, values[name], option)
  }
  return Object.freeze(resolved) as Resolved
}

export function isGroup(entry: Option | OptionGroup): entry is OptionGroup {
  return 'options' in entry
}

function resolveOption(
  table: OptionTable,
  values: Readonly<Record<string, unknown>>,
  entry: Option,
  value: unknown,
  option: string,
): unknown {
  const least = leastValue(table, values, entry)
  if (value !== undefined) {
    const checked = entry.value.check(option, value)
    if ((value as number) < least) check.fail(option, value, `at least ${least}: ${leastText(entry)}`)
    return checked
  }
  if (entry.required) return entry.value.check(option, undefined)
  if (entry.default === undefined) return null
  return entry.value.check(
    option,
    least === Number.NEGATIVE_INFINITY ? entry.default : Math.max(entry.default as number, least),
  )
}

function leastValue(table: OptionTable, values: Readonly<Record<string, unknown>>, entry: Option): number {
  if (entry.atLeast === undefined) return Number.NEGATIVE_INFINITY
  const { option, times } = entry.atLeast
  return times * ((values[option] ?? (table[option] as Option).default) as number)
}

/** The lower bound in words. */
export function leastText({ atLeast }: Option): string {
  if (atLeast === undefined) return ''
  return atLeast.times === 1 ? `\`${atLeast.option}\`` : `${atLeast.times} × \`${atLeast.option}\``
}

function checkNames(table: OptionTable, given: unknown, path: string): Readonly<Record<string, unknown>> {
  const names = Object.keys(table).filter((name) => !('internal' in table[name]!))
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const subject = path === '' ? 'the options' : `option \`${path}\``
    throw new InvalidOptionsError(
      path || 'options',
      `${subject} must be an object with ${names.join(', ')}, not ${describe(given)}`,
    )
  }
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(table, name)) continue
    const option = path === '' ? name : `${path}.${name}`
    const group = Object.entries(table).find(
      ([, entry]) => isGroup(entry) && Object.hasOwn(entry.options, name),
    )
    throw new InvalidOptionsError(
      option,
      group === undefined
        ? `option \`${option}\` is unknown; known are ${names.join(', ')}`
        : `option \`${option}\` is unknown; write \`${group[0]}: { ${name}: … }\``,
    )
  }
  return given as Readonly<Record<string, unknown>>
}
