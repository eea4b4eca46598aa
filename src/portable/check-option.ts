import { InvalidOptionsError } from './errors.ts'
import type { StandardSchemaV1 } from './standard-schema.ts'

/** The checks every options object of Pawl goes through. A wrong value is an error, never a silent default. */
export const check = {
  fail(option: string, got: unknown, takes: string): never {
    throw new InvalidOptionsError(option, `option \`${option}\` got ${describe(got)}; it takes ${takes}`)
  },
  record(path: string, value: unknown, known: ReadonlySet<string>): Readonly<Record<string, unknown>> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new InvalidOptionsError(
        path || 'options',
        `${path === '' ? 'the options' : `option \`${path}\``} must be an object, not ${describe(value)}`,
      )
    }
    for (const name of Object.keys(value)) {
      const option = path === '' ? name : `${path}.${name}`
      if (!known.has(name)) {
        throw new InvalidOptionsError(
          option,
          `option \`${option}\` is unknown; known are ${[...known].join(', ')}`,
        )
      }
    }
    return value as Record<string, unknown>
  },
  number(option: string, value: unknown, min: number, max: number): number {
    if (typeof value !== 'number' || !(value >= min && value <= max)) {
      return check.fail(option, value, `a number from ${min} to ${max}`)
    }
    return value
  },
  /** @returns milliseconds */
  seconds(option: string, value: unknown, min: number, max: number): number {
    if (typeof value !== 'number' || !(value >= min && value <= max)) {
      return check.fail(option, value, `seconds from ${min} to ${max}`)
    }
    return Math.round(value * 1000)
  },
  /** A whole number from 1 on; `null` is no limit. */
  countOrNull(option: string, value: unknown, max: number): number | null {
    if (value === null) return null
    if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > max) {
      return check.fail(option, value, `a whole number from 1 to ${max}, or null for no limit`)
    }
    return value as number
  },
  methods<T extends object>(option: string, value: unknown, names: readonly (string & keyof T)[]): T {
    const found = value as Partial<Record<string, unknown>> | null
    if (
      typeof found !== 'object' ||
      found === null ||
      names.some((name) => typeof found[name] !== 'function')
    ) {
      return check.fail(option, value, `an object with the methods ${names.join(', ')}`)
    }
    return value as T
  },
  oneOf<T extends string>(option: string, value: unknown, allowed: readonly T[]): T {
    if (!allowed.includes(value as T))
      return check.fail(option, value, allowed.map((item) => `'${item}'`).join(' or '))
    return value as T
  },
  text(option: string, value: unknown): string | null {
    if (value === undefined) return null
    if (typeof value !== 'string' || value === '' || value.length > 255) {
      return check.fail(option, value, 'a string of 1 to 255 characters')
    }
    return value
  },
  boolean(option: string, value: unknown): boolean {
    if (typeof value !== 'boolean') return check.fail(option, value, 'true or false')
    return value
  },
  schema(option: string, value: unknown): StandardSchemaV1<unknown, unknown> | null {
    if (value === undefined) return null
    const schema = value as StandardSchemaV1<unknown, unknown>
    if (typeof schema?.['~standard']?.validate !== 'function')
      return check.fail(option, value, 'a Standard Schema')
    return schema
  },
  optionalFunction(option: string, value: unknown): ((...parameters: never[]) => unknown) | null {
    if (value === undefined) return null
    if (typeof value !== 'function') return check.fail(option, value, 'a function')
    return value as (...parameters: never[]) => unknown
  },
}

/** Enough to recognise a mistake; long values, and URLs that may hold a password, are not repeated. */
function describe(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean' || value == null) return String(value)
  if (typeof value === 'string')
    return value.length <= 32 && !value.includes('@')
      ? `'${value}'`
      : `a string of ${value.length} characters`
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`
}
