import { InvalidOptionsError } from '../errors.ts'

/** What {@link check.text} takes. */
export const SHORT_TEXT = 'a string of 1 to 255 characters'

/** Checks for values that no table describes: arguments of functions and options of one adapter. */
export const check = {
  /** @throws InvalidOptionsError always */
  fail(option: string, got: unknown, takes: string): never {
    throw new InvalidOptionsError(option, `option \`${option}\` got ${describe(got)}; it takes ${takes}`)
  },
  text(option: string, value: unknown, takes: string = SHORT_TEXT, pattern: RegExp = /^.{1,255}$/s): string {
    return typeof value === 'string' && pattern.test(value) ? value : check.fail(option, value, takes)
  },
  optionalFunction(option: string, value: unknown): ((...parameters: never[]) => unknown) | null {
    if (value === undefined) return null
    if (typeof value !== 'function') return check.fail(option, value, 'a function')
    return value as (...parameters: never[]) => unknown
  },
}

/** Shows enough to recognize a mistake. Hides long values and whatever may be a URL with a password. */
export function describe(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean' || value == null) return String(value)
  if (typeof value === 'string')
    return value.length <= 32 && !value.includes('@')
      ? `'${value}'`
      : `a string of ${value.length} characters`
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`
}
