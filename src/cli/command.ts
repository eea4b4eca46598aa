import type { Output } from './terminal/output.ts'

/** An option of a command. Without `value` it is a switch. */
export interface Option {
  /** What its value is, for the help: `id`. */
  readonly value?: string
  readonly help: string
}

export interface Command {
  /** One word, or a group and a word: `sessions list`. */
  readonly name: string
  /** What follows the name, for the help. */
  readonly usage: string
  /** One line. */
  readonly summary: string
  /** What else to know, for its own help. */
  readonly details?: string
  /** Most arguments besides the name. */
  readonly most: number
  /** Besides those that every command takes. */
  readonly options: Readonly<Record<string, Option>>
  /** Whether it needs a database. */
  readonly connects: boolean
  readonly examples: readonly string[]
  /** @returns the exit code */
  run(context: Context): Promise<number>
}

/** What was given on the command line, checked against what the command takes. */
export interface Flags {
  /** Whether a switch was given. */
  has(name: string): boolean
  /** The value of an option. */
  text(name: string): string | undefined
}

export interface Context {
  readonly flags: Flags
  /** What followed the name of the command. */
  readonly given: readonly string[]
  readonly out: Output
  /** Aborted by Ctrl-C. */
  readonly interrupted: AbortSignal
}
