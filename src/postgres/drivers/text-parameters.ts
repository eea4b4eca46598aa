import type { Parameter, Scalar } from '../parameters.ts'

/**
 * Every value as text, for drivers that would encode a value by their own rules. PostgreSQL infers its type, as it does
 * for an untyped literal.
 */
export function toText(value: Parameter): string | null {
  if (value === null) return null
  return Array.isArray(value) ? arrayText(value) : String(value)
}

function arrayText(values: readonly Scalar[]): string {
  const elements = values.map((value) =>
    value === null ? 'null' : `"${String(value).replace(/["\\]/g, '\\$&')}"`,
  )
  return `{${elements.join(',')}}`
}
