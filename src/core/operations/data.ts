import { checkData, validate } from '../../portable/claims.ts'
import { TryAgainError } from '../../portable/errors.ts'
import { isSessionId } from '../../portable/session-id.ts'
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
  const valid = checkData(await validate(scope.engine.options.data, data, 'data'))
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
  const { data: dataSchema } = scope.engine.options
  const checked = checkData(patch)
  if (dataSchema === null) return writeData(scope, sessionId, checked, 'merge', ifVersion)
  // The schema validates the whole value: merge here, and write only if the version is unchanged.
  for (let attempt = 1; attempt <= MERGE_ATTEMPTS; attempt++) {
    const { data, dataVersion } = await assertStillActive(scope, sessionId)
    if (ifVersion !== undefined && ifVersion !== dataVersion) return null
    const merged = { ...(data as object | null), ...(checked as object) }
    const valid = checkData(await validate(dataSchema, merged, 'data'))
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
