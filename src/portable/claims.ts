import type { StandardSchemaV1 } from './standard-schema.ts'
import { PAYLOAD_NAMES } from './token-payload.ts'

/** The application's own part of the access token. */
export type ClaimsObject = Readonly<Record<string, unknown>>

/** Claim names that Pawl and the JWT standards use (RFC 7519, 7800, 9068). */
const RESERVED: ReadonlySet<string> = new Set([...PAYLOAD_NAMES, 'cnf'])

/** NUL and lone surrogates, as JSON.stringify escapes them: valid JSON that `jsonb` cannot hold. */
const NOT_STORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/

/** Bounds `data` (and so the row); claims are bounded far tighter by the cookie. */
const MAX_DATA_BYTES = 1024 * 1024

/** @throws TypeError for a reserved name or a value that is not a JSON object */
export function checkClaims(claims: unknown): ClaimsObject {
  // Checked after the trip through JSON: a `toJSON` may answer anything.
  const json = toJson(claims, 'claims')
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new TypeError('`claims` takes a JSON object')
  }
  for (const name of Object.keys(json)) {
    if (RESERVED.has(name)) throw new TypeError(`the claim name \`${name}\` is reserved`)
  }
  return json as ClaimsObject
}

/** @throws TypeError when it is not JSON or larger than 1 MiB */
export function checkData(data: unknown): unknown {
  return toJson(data ?? null, 'data')
}

/** What a reader will get back: the value after one trip through JSON. */
function toJson(value: unknown, name: string): unknown {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw new TypeError(`\`${name}\` takes a JSON value`, { cause })
  }
  if (text === undefined) throw new TypeError(`\`${name}\` takes a JSON value`)
  if (text.length > MAX_DATA_BYTES) throw new TypeError(`\`${name}\` takes at most 1 MiB of JSON`)
  if (NOT_STORABLE.test(text)) {
    throw new TypeError(
      `\`${name}\` must not hold U+0000 or half a surrogate pair: PostgreSQL cannot store them`,
    )
  }
  return JSON.parse(text)
}

/** Runs a Standard Schema, if one was given. @throws TypeError naming the first issue's path, not its value */
export async function validate<T>(
  schema: StandardSchemaV1<unknown, T> | null,
  value: unknown,
  name: string,
): Promise<T> {
  if (schema === null) return value as T
  const result = await schema['~standard'].validate(value)
  if (result.issues === undefined) return result.value
  const path = (result.issues[0]?.path ?? [])
    .map((part) => String(typeof part === 'object' ? part.key : part))
    .join('.')
  throw new TypeError(`\`${path === '' ? name : `${name}.${path}`}\` does not fit its schema`, {
    cause: result.issues,
  })
}
