import { TryAgainError } from '../../portable/errors.ts'
import type { SchemaResult, StandardSchemaV1 } from '../../portable/standard-schema.ts'
import { CALLBACK_WITHIN, within } from '../../portable/within.ts'
import { reportLate } from '../observability/events.ts'

/**
 * A schema of the application that answers in time and with a result, or throws.
 * @throws TryAgainError from `validate` if the schema has not answered within 10 s
 * @throws TypeError from `validate` if it returns something else than a result
 */
export function guardSchema<T>(
  option: string,
  schema: StandardSchemaV1<unknown, T> | null,
): StandardSchemaV1<unknown, T> | null {
  if (schema === null) return null
  const name = `the schema of the option \`${option}\``
  async function validate(value: unknown): Promise<SchemaResult<T>> {
    const result = await within<SchemaResult<T>>(
      CALLBACK_WITHIN,
      () => schema!['~standard'].validate(value),
      () => {
        reportLate(name, CALLBACK_WITHIN)
        throw new TryAgainError(1, `${name} did not answer within ${CALLBACK_WITHIN / 1000} s`)
      },
    )
    if (!isResult(result)) throw new TypeError(`${name} returned neither \`value\` nor \`issues\``)
    return result
  }
  return { '~standard': { version: 1, vendor: schema['~standard'].vendor, validate } }
}

function isResult(result: unknown): boolean {
  if (typeof result !== 'object' || result === null) return false
  const { issues } = result as { readonly issues?: unknown }
  return issues === undefined ? 'value' in result : Array.isArray(issues)
}
