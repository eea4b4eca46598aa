import { checkData, SchemaMismatchError } from '../../portable/claims.ts'
import { TryAgainError } from '../../portable/errors.ts'
import { isSessionId } from '../../portable/session-id.ts'
import type { SchemaIssue } from '../../portable/standard-schema.ts'
import { delay } from '../time/delay.ts'
import { assertStillActive, type Scope } from './write-scope.ts'

const ATTEMPTS = 3
/** Each failed attempt means that another writer succeeded, so many writers need many attempts. */
const MERGE_ATTEMPTS = 20

/** @returns the new data version; null when the row has another version than `ifVersion` */
export async function setData(
  scope: Scope,
  sessionId: string,
  data: unknown,
  ifVersion: number | undefined,
): Promise<number | null> {
  const valid = await scope.engine.schemas.data.accept(data)
  return writeData(scope, sessionId, valid, 'replace', ifVersion)
}

/** Replaces some top-level keys of `data`. @returns as {@link setData} */
export async function patchData(
  scope: Scope,
  sessionId: string,
  patch: unknown,
  ifVersion: number | undefined,
): Promise<number | null> {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch))
    throw new TypeError('`patchData` takes an object')
  const { data: schema } = scope.engine.schemas
  const checked = checkData(patch)
  if (!schema.isConfigured) return writeData(scope, sessionId, checked, 'merge', ifVersion)
  // The schema validates the whole value: merge here, and write only if the version is unchanged.
  for (let attempt = 1; attempt <= MERGE_ATTEMPTS; attempt++) {
    const { data, dataVersion } = await assertStillActive(scope, sessionId)
    if (ifVersion !== undefined && ifVersion !== dataVersion) return null
    const merged = { ...(data as object | null), ...(checked as object) }
    const valid = await schema.accept(merged).catch((error) => {
      throw error instanceof SchemaMismatchError ? patchError(error, checked as object) : error
    })
    const version = await writeData(scope, sessionId, valid, 'replace', dataVersion)
    if (version !== null) return version
    await delay(Math.random() * 10 * attempt)
  }
  throw new TryAgainError()
}

async function writeData(
  scope: Scope,
  sessionId: string,
  data: unknown,
  how: 'replace' | 'merge',
  ifVersion: number | undefined,
): Promise<number | null> {
  if (ifVersion !== undefined && !Number.isSafeInteger(ifVersion))
    throw new TypeError('`ifVersion` takes an integer')
  for (let attempt = 1; isSessionId(sessionId) && attempt <= ATTEMPTS; attempt++) {
    const version = await scope.writes.writeData(sessionId, data, how, ifVersion ?? null)
    if (version !== null) return version
    const row = await assertStillActive(scope, sessionId)
    if (ifVersion !== undefined && row.dataVersion !== ifVersion) return null
  }
  await assertStillActive(scope, sessionId)
  throw new TryAgainError()
}

/** Names the stored field that is in the way of a patch, if the patch itself is valid. */
function patchError(error: SchemaMismatchError, patch: object): Error {
  const own = error.keys.some((key) => key !== null && Object.hasOwn(patch, key))
  if (own) return error
  const [key] = error.keys
  const issues = error.cause as readonly SchemaIssue[]
  return new SchemaMismatchError(
    'data',
    issues,
    key == null
      ? 'the patched `data` does not match its schema. The stored fields may be in the way: replace them all with `setData`.'
      : `the stored \`${error.path}\` does not match its schema, so \`data\` cannot be patched. Put \`${key}\` into the patch too, or replace all of \`data\` with \`setData\`.`,
  )
}
