import { SessionOutdatedError, TryAgainError } from '../../portable/errors.ts'
import type { Engine } from '../engine.ts'
import type { SessionRow } from '../store.ts'
import { assertClaimsFit } from '../tokens/issue.ts'
import { repeatKnownEnd } from './rows.ts'
import type { Refusal } from './schemas.ts'
import { type Session, toSession } from './session.ts'

/** A row whose claims and data have met the schemas of the application. */
export interface StoredValues {
  /** With the output of the schemas; a value that its schema refuses is as the database has it. */
  readonly row: SessionRow
  /** Of the claims, if both are refused. */
  readonly refusal: Refusal | null
}

/** Applies the schemas to a stored row. They may fill in defaults or convert old values; the database keeps its values. */
export async function readStoredValues({ schemas }: Engine, row: SessionRow): Promise<StoredValues> {
  if (!schemas.claims.isConfigured && !schemas.data.isConfigured) return { row, refusal: null }
  const [claims, data] = await Promise.all([schemas.claims.read(row.claims), schemas.data.read(row.data)])
  return { row: { ...row, claims: claims.value, data: data.value }, refusal: claims.refusal ?? data.refusal }
}

/**
 * The session of a stored row. A refused value is marked as stale, so one old row does not fail a list. An end that the
 * database has lost is repeated.
 */
export async function readSession<Claims extends object, Data>(
  engine: Engine,
  stored: SessionRow,
): Promise<Session<Claims, Data>> {
  if (stored.endReason === null) repeatKnownEnd(engine, stored.id)
  const { row, refusal } = await readStoredValues(engine, stored)
  return toSession<Claims, Data>(row, engine.clock.now(), refusal !== null)
}

/** {@link readStoredValues} for a row that becomes an access token: its claims must also fit a cookie. */
export async function readForToken(engine: Engine, stored: SessionRow): Promise<StoredValues> {
  const read = await readStoredValues(engine, stored)
  if (!engine.schemas.claims.isConfigured || read.refusal !== null) return read
  try {
    await assertClaimsFit(engine, stored, read.row.claims)
    return read
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    const unfit: Refusal = { of: 'claims', path: 'claims', cause, undecided: false }
    return { row: { ...read.row, claims: stored.claims }, refusal: unfit }
  }
}

/**
 * Applies the option `onSchemaMismatch`.
 * @returns whether the values are stale
 * @throws SessionOutdatedError
 * @throws TryAgainError if a schema failed or took too long
 */
export function assertNotOutdated({ options }: Engine, { row, refusal }: StoredValues): boolean {
  if (refusal === null || options.onSchemaMismatch === 'stale') return refusal !== null
  const { path, cause, undecided } = refusal
  if (undecided) throw cause instanceof TryAgainError ? cause : new TryAgainError()
  throw new SessionOutdatedError(row.id, path, { cause })
}
