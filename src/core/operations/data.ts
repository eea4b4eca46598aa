import { isDeepStrictEqual } from 'node:util'
import { checkData, SchemaMismatchError } from '../../portable/claims.ts'
import { TryAgainError } from '../../portable/errors.ts'
import { printable } from '../../portable/printable.ts'
import { isSessionId } from '../../portable/session-id.ts'
import type { SchemaIssue } from '../../portable/standard-schema.ts'
import { mergePatch } from '../session/merge-patch.ts'
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

/** Replaces some top-level keys of `data`; `null` removes a key. @returns as {@link setData} */
export async function patchData(
  scope: Scope,
  sessionId: string,
  patch: unknown,
  ifVersion: number | undefined,
): Promise<number | null> {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch))
    throw new TypeError('`patchData` takes an object')
  const { data: schema } = scope.engine.schemas
  const checked = checkPatch(patch)
  if (!schema.isConfigured) return writeData(scope, sessionId, checked, 'merge', ifVersion)
  // The schema validates the whole value: merge here, and write only if the version is unchanged.
  for (let attempt = 1; attempt <= MERGE_ATTEMPTS; attempt++) {
    const { data, dataVersion } = await assertStillActive(scope, sessionId)
    if (ifVersion !== undefined && ifVersion !== dataVersion) return null
    const valid = await schema.accept(mergePatch(data, checked)).catch((error) => {
      throw error instanceof SchemaMismatchError ? patchError(error, checked) : error
    })
    if (isDeepStrictEqual(valid, data)) return dataVersion
    const version = await writeData(scope, sessionId, valid, 'replace', dataVersion)
    if (version !== null) return version
    await delay(Math.random() * 10 * attempt)
  }
  throw new TryAgainError()
}

/** @throws TypeError */
function checkPatch(patch: object): object {
  // In JSON it would be absent, and the call would change nothing.
  const key = Object.keys(patch).find((name) => patch[name as keyof typeof patch] === undefined)
  if (key !== undefined)
    throw new TypeError(
      `\`data.${printable(key.slice(0, 64))}\` is undefined in the patch. Use null to remove the key (RFC 7396), or leave it out to keep it.`,
    )
  return checkData(patch) as object
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
