/**
 * The part of the Standard Schema interface (standardschema.dev, version 1) that Pawl uses. Schemas of Zod, Valibot
 * and ArkType implement it, so Pawl depends on none of them.
 */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  /** The properties of the interface. */
  readonly '~standard': {
    /** The version of the interface. */
    readonly version: 1
    /** The name of the library. */
    readonly vendor: string
    /** Validates a value, and returns the output or the issues. */
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    /** The types of input and output. The compiler alone reads them. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}
