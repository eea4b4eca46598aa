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
  /** Only for Pawl's own tests and commands: the published types and the documentation leave it out. */
  readonly internal?: true
}

/** One kind of value that an option takes. */
export interface OptionValue {
  /** What it takes, for error messages and the documentation. */
  readonly takes: string
  /** The options of a group. */
  readonly group?: OptionTable
  /**
   * @returns the value as the code uses it: durations in milliseconds
   * @throws InvalidOptionsError
   */
  readonly check: (option: string, value: unknown) => unknown
}
