import type { SchemaIssue, SchemaResult } from './standard-schema.ts'
import { TOKEN_CLAIM_NAMES } from './token-claims.ts'

/** The claims of the application in the access token. */
export type ClaimsObject = Readonly<Record<string, unknown>>

/**
 * Names that the application cannot use. `cnf` is for device-bound tokens (RFC 7800). `act` became reserved after 0.1.0, so
 * a row may still hold a claim of that name.
 */
const RESERVED_CLAIM_NAMES: ReadonlySet<string> = new Set([...TOKEN_CLAIM_NAMES, 'act', 'cnf'])

/** NUL and lone surrogates, as `JSON.stringify` escapes them: valid JSON that `jsonb` cannot store. */
const NOT_STORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/

/** Bounds the row. Claims have a far lower bound: the size of a cookie. */
const MAX_DATA_BYTES = 1024 * 1024

/** @throws TypeError for a reserved name or a value that is not a JSON object */
export function checkClaims(claims: unknown): ClaimsObject {
  // Checks the serialized value, because `toJSON` may return any type.
  const json = toJson(claims, 'claims')
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new TypeError('`claims` takes a JSON object')
  }
  for (const name of Object.keys(json)) {
    if (RESERVED_CLAIM_NAMES.has(name)) throw new TypeError(`the claim name \`${name}\` is reserved`)
  }
  return json as ClaimsObject
}

/** @throws TypeError when it is not JSON, larger than 1 MiB, or has text that PostgreSQL cannot store */
export function checkData(data: unknown): unknown {
  return toJson(data ?? null, 'data')
}

/** The value as a reader gets it: serialized and parsed. */
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
      `\`${name}\` contains U+0000 or half a surrogate pair, which PostgreSQL cannot store; remove it`,
    )
  }
  return JSON.parse(text)
}

/** A value does not match the schema of the application. Thrown as a `TypeError`; `cause` holds the issues. */
export class SchemaMismatchError extends TypeError {
  /** The place of the first issue: `data.theme`. */
  readonly path: string
  /** The first key of the path of each issue; `null` where an issue has no path. */
  readonly keys: readonly (string | null)[]

  constructor(name: string, issues: readonly SchemaIssue[], message?: string) {
    const paths = issues.map(({ path = [] }) =>
      path.map((part) => String(typeof part === 'object' ? part.key : part)),
    )
    const path = [name, ...(paths[0] ?? [])].join('.')
    super(message ?? `\`${path}\` does not match its schema`, { cause: issues })
    this.path = path
    this.keys = paths.map(([key = null]) => key)
  }
}

/**
 * The output of a Standard Schema.
 * @throws SchemaMismatchError with the path of the first issue but not its value
 */
export function outputOf<T>(result: SchemaResult<T>, name: string): T {
  if (!isResult(result))
    throw new TypeError(`the schema \`${name}\` returned neither \`value\` nor \`issues\``)
  if (result.issues !== undefined) throw new SchemaMismatchError(name, result.issues)
  return result.value
}

function isResult(result: unknown): boolean {
  if (typeof result !== 'object' || result === null) return false
  const { issues } = result as { readonly issues?: unknown }
  return issues === undefined ? 'value' in result : Array.isArray(issues)
}
