import type { Output } from './terminal/output.ts'

/** An option of a command. An option without `value` is a switch. */
export interface Option {
  /** A placeholder for the value in the help: `id`. */
  readonly value?: string
  readonly help: string
}

export interface Command {
  /** One word, or a group and a word: `sessions list`. */
  readonly name: string
  /** The arguments after the name, for the help. */
  readonly usage: string
  /** One line. */
  readonly summary: string
  /** More lines, for the help of this command. */
  readonly details?: string
  readonly maxArguments: number
  /** Besides the options that every command takes. */
  readonly options: Readonly<Record<string, Option>>
  readonly needsDatabase: boolean
  /** Whether it only reads, so that a standby will do. @defaultValue false */
  readonly readOnly?: boolean
  readonly examples: readonly string[]
  /** @returns the exit code */
  run(context: Context): Promise<number>
}

/** The options given on the command line. */
export interface Flags {
  /** Whether a switch was given. */
  has(name: string): boolean
  value(name: string): string | undefined
}

export interface Context {
  readonly flags: Flags
  /** The arguments after the name of the command. */
  readonly positionals: readonly string[]
  /** As in {@link Command}. */
  readonly readOnly: boolean
  readonly out: Output
  /** Aborted by Ctrl-C. */
  readonly interrupted: AbortSignal
}
