/** Something that happens during the load: a kill, a switchover. */
export interface Hook {
  /** Seconds after the start of the load. */
  readonly at: number
  readonly name: string
  run(): Promise<void>
}

export interface LoadOptions {
  /** Dealt to the processes in turn. */
  readonly urls: readonly string[]
  /** The option `listen` of `postgres`, dealt to the processes in turn. Default: true. */
  readonly listen?: readonly (string | boolean)[]
  /** 5 to 3,600. */
  readonly seconds: number
  /** 1 to 16. */
  readonly processes: number
  /** Users for each process, 1 to 500. */
  readonly clients: number
  /** How much faster than usual the users act. Default 1: a user acts every 0.2 to 1 s. */
  readonly pace?: number
  /** The schema of Pawl's tables. Default {@link LOAD_SCHEMA}. */
  readonly schema?: string
  /** Leaves a schema of this run in the database. Default: the run drops a schema that it has made. */
  readonly keep?: boolean
  /** The application's secret, for a schema with signing keys. Default: a secret of the tests. */
  readonly secret?: string | readonly string[]
  /** The option `revocation.pollInterval`, in seconds. Default 1. */
  readonly pollInterval?: number
  readonly hooks: readonly Hook[]
  /** Ends the load early. The report then covers what has happened so far. */
  readonly stopped?: AbortSignal
  /** Prints a line of progress. */
  say(text: string): void
}

export const LOAD_SCHEMA = 'pawl_load'
