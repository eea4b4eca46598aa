import type { Option, OptionTable } from './option.ts'
import { resolveTable } from './resolve-table.ts'

/** Options that belong together, in an object of their own. */
export function group(options: OptionTable): Option {
  return {
    value: {
      takes: 'an object',
      group: options,
      check: (option, value) => resolveTable(options, value, option),
    },
    default: {},
  }
}
