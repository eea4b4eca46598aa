import { toJson } from './json.ts'
import type { Json } from './json-types.ts'
import type { SchemaIssue, SchemaResult } from './standard-schema.ts'
import { LATER_CLAIM_NAMES, TOKEN_CLAIM_NAMES } from './token-claims.ts'

/** The claims of the application in the access token: a JSON object. */
export type ClaimsObject = { readonly [name: string]: Json | undefined }

/** Names that the application cannot use. */
const RESERVED_CLAIM_NAMES: ReadonlySet<string> = new Set([...TOKEN_CLAIM_NAMES, ...LATER_CLAIM_NAMES])

/** @throws TypeError for a reserved name, and for a value that is not a JSON object or that JSON would change */
export function checkClaims(claims: unknown): ClaimsObject {
  const json = toJson(claims, 'claims')
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new TypeError('`claims` takes a JSON object')
  }
  for (const name of Object.keys(json)) {
    if (RESERVED_CLAIM_NAMES.has(name)) throw new TypeError(`the claim name \`${name}\` is reserved`)
  }
  return json as ClaimsObject
}

/** @throws TypeError if JSON would change it, it is larger than 1 MiB, or it has text that PostgreSQL cannot store */
export function checkData(data: unknown): unknown {
  return toJson(data ?? null, 'data')
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
