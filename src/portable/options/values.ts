import { check, SHORT_TEXT } from './check.ts'
import type { OptionValue } from './option.ts'

/** A duration. Applications write seconds, the code gets whole milliseconds. */
export function seconds(min: number, max: number): OptionValue {
  const takes = `${range(min, max)} seconds`
  return {
    takes,
    check(option, value) {
      if (!isWithin(value, min, max)) return check.fail(option, value, takes)
      return Math.round(value * 1000)
    },
  }
}

/** An amount of memory. */
export function bytes(min: number, max: number): OptionValue {
  const takes = `${range(min, max)} bytes`
  return {
    takes,
    check: (option, value) => (isWithin(value, min, max) ? value : check.fail(option, value, takes)),
  }
}

/** A whole number. */
export function count(min: number, max: number): OptionValue {
  const takes = `a whole number from ${range(min, max)}`
  return {
    takes,
    check: (option, value) =>
      isWithin(value, min, max) && Number.isInteger(value) ? value : check.fail(option, value, takes),
  }
}

/** `null` besides the values of another kind. */
export function orNull(value: OptionValue): OptionValue {
  const takes = `${value.takes}, or null`
  return {
    takes,
    check(option, given) {
      if (given === null) return null
      try {
        return value.check(option, given)
      } catch {
        return check.fail(option, given, takes)
      }
    },
  }
}

/** One of several words. */
export function oneOf(...words: readonly string[]): OptionValue {
  const quoted = words.map((word) => `'${word}'`)
  const takes = `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`
  return {
    takes,
    check: (option, value) => (words.includes(value as string) ? value : check.fail(option, value, takes)),
  }
}

/** True or false. */
export function flag(): OptionValue {
  const takes = 'true or false'
  return {
    takes,
    check: (option, value) => (typeof value === 'boolean' ? value : check.fail(option, value, takes)),
  }
}

/** A short text, of 1 to 255 characters or as the pattern says. */
export function text(takes: string = SHORT_TEXT, pattern?: RegExp): OptionValue {
  return { takes, check: (option, value) => check.text(option, value, takes, pattern) }
}

/** A function of the application. */
export function callback(): OptionValue {
  return { takes: 'a function', check: check.optionalFunction }
}

/** An object with certain methods. */
export function methods(...names: readonly string[]): OptionValue {
  const takes = `an object with the methods ${names.join(', ')}`
  return {
    takes,
    check(option, value) {
      const found = value as Partial<Record<string, unknown>> | null
      if (typeof found === 'object' && found !== null) {
        if (names.every((name) => typeof found[name] === 'function')) return value
      }
      return check.fail(option, value, takes)
    },
  }
}

function isWithin(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && value >= min && value <= max
}

function range(min: number, max: number): string {
  return `${grouped(min)} to ${grouped(max)}`
}

/** Not `toLocaleString`: its first call loads the data of all languages, which takes longer than the rest of a start. */
function grouped(number: number): string {
  const [whole, ...fraction] = String(number).split('.')
  return [whole!.replace(/\B(?=(?:\d{3})+$)/g, ','), ...fraction].join('.')
}
