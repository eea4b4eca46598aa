import { isDeepStrictEqual } from 'node:util'
import {
  type ClaimsObject,
  checkClaims,
  checkData,
  outputOf,
  SchemaMismatchError,
} from '../../portable/claims.ts'
import { TryAgainError } from '../../portable/errors.ts'
import { isPromise } from '../../portable/is-promise.ts'
import type { SchemaResult, StandardSchemaV1 } from '../../portable/standard-schema.ts'
import { within } from '../../portable/within.ts'
import { reportLate, reportThrown } from '../observability/events.ts'

/** Why a schema refuses a stored value. */
export interface Refusal {
  readonly of: 'claims' | 'data'
  /** The place of the first issue: `claims.tenant`. */
  readonly path: string
  /** The error that a write of the value would throw; for a schema that failed, its own error. */
  readonly cause: unknown
  /** The schema failed or took too long. It may accept the value later. */
  readonly undecided: boolean
}

/** A stored value after its schema. */
export interface Reading<T> {
  /** The output of the schema; the stored value if the schema refuses it. */
  readonly value: T
  readonly refusal: Refusal | null
}

/** One schema of the application, for `claims` or for `data`. */
export interface Schema<T> {
  readonly isConfigured: boolean
  /**
   * Validates a value that is to be written.
   * @returns the output of the schema, as JSON
   * @throws TypeError naming the place of the first issue, or if the schema refuses or changes its own output
   * @throws TryAgainError if the schema takes too long
   */
  accept(value: unknown): Promise<T>
  /** Validates a stored value. Never rejects. */
  read(value: T): Promise<Reading<T>>
  /** {@link read} without waiting. A schema that has ever answered with a promise is not called: it may do I/O. */
  readNow(value: T): Reading<T>
}

export interface Schemas {
  readonly claims: Schema<ClaimsObject>
  readonly data: Schema<unknown>
}

/** @param patience how long a schema may take, in ms */
export function createSchemas(
  schemas: {
    readonly claims: StandardSchemaV1<unknown, unknown> | null
    readonly data: StandardSchemaV1<unknown, unknown> | null
  },
  patience: number,
): Schemas {
  return {
    claims: createSchema('claims', schemas.claims, checkClaims, patience),
    data: createSchema('data', schemas.data, checkData, patience),
  }
}

/** The schema could not decide. */
class UndecidedError extends Error {}

function createSchema<T>(
  name: 'claims' | 'data',
  schema: StandardSchemaV1<unknown, unknown> | null,
  check: (value: unknown) => T,
  patience: number,
): Schema<T> {
  /** Whether the schema has ever answered with a promise. */
  let isAsync = false

  function tooLate(): never {
    const subject = `the schema \`${name}\``
    reportLate(subject, patience)
    throw new TryAgainError(1, `${subject} did not answer within ${patience / 1000} s`)
  }

  async function validate(value: unknown): Promise<T> {
    if (schema === null) return check(value)
    const pending = schema['~standard'].validate(value)
    let result: SchemaResult<unknown>
    if (isPromise(pending)) {
      isAsync = true
      try {
        result = await within<SchemaResult<unknown>>(patience, () => pending, tooLate)
      } catch (cause) {
        throw new UndecidedError(name, { cause })
      }
    } else result = pending
    return check(outputOf(result, name))
  }

  /** Stored output meets the schema again, so the schema must accept it unchanged. */
  async function validateTwice(value: unknown): Promise<T> {
    const output = await validate(value)
    if (schema === null) return output
    let again: T
    try {
      again = await validate(output)
    } catch (error) {
      if (error instanceof UndecidedError) throw error
      throw new TypeError(
        `the schema \`${name}\` refuses its own output at \`${pathOf(error, name)}\`. Pawl stores the output and validates it again when it reads it. Make the schema accept its output.`,
        { cause: error },
      )
    }
    if (isDeepStrictEqual(again, output)) return output
    throw new TypeError(
      `the schema \`${name}\` changes its own output. Pawl stores the output and validates it again when it reads it. Make the schema return its output unchanged.`,
    )
  }

  function refused(value: T, error: unknown): Reading<T> {
    const undecided = error instanceof UndecidedError
    const cause = undecided ? error.cause : error
    // A schema that was too late is reported already.
    if (undecided && !(cause instanceof TryAgainError)) reportThrown(`the schema \`${name}\``, cause)
    return { value, refusal: { of: name, path: pathOf(error, name), cause, undecided } }
  }

  return {
    isConfigured: schema !== null,
    async accept(value) {
      try {
        return await validateTwice(value)
      } catch (error) {
        throw error instanceof UndecidedError ? error.cause : error
      }
    },
    async read(value) {
      if (schema === null) return { value, refusal: null }
      try {
        return { value: await validateTwice(value), refusal: null }
      } catch (error) {
        return refused(value, error)
      }
    },
    readNow(value) {
      if (schema === null || isAsync) return { value, refusal: null }
      try {
        const result = schema['~standard'].validate(value)
        if (!isPromise(result)) return { value: check(outputOf(result, name)), refusal: null }
        isAsync = true
        // Nobody waits for it.
        result.then(undefined, () => {})
        return { value, refusal: null }
      } catch (error) {
        return refused(value, error)
      }
    },
  }
}

/** The place of the first issue that an error of a schema names. */
function pathOf(error: unknown, name: string): string {
  if (error instanceof SchemaMismatchError) return error.path
  return error instanceof Error && error.cause instanceof SchemaMismatchError ? error.cause.path : name
}
