import { isDeepStrictEqual } from 'node:util'
import type { ClaimsObject } from '../../portable/claims.ts'
import { TryAgainError } from '../../portable/errors.ts'
import { within } from '../../portable/within.ts'
import type { Engine } from '../engine.ts'
import type { StoredValues } from '../session/stored-values.ts'
import type { SessionRow } from '../store.ts'
import { assertClaimsRefresh } from '../tokens/issue.ts'

/** What the option `refreshClaims` made of the claims of a session. */
export type ClaimsOutcome =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'changed'; readonly claims: ClaimsObject }
  /** `null`, or an error where `onRefreshClaimsError` is `end`. */
  | { readonly kind: 'end'; readonly failed: boolean }

/**
 * Calls the option `refreshClaims`, within half of the time that a refresh may take.
 * @param stored the row as its holder sees it
 * @param read the same after the schemas
 */
export async function computeClaims(
  engine: Engine,
  stored: SessionRow,
  { row, refusal }: StoredValues,
): Promise<ClaimsOutcome> {
  const { options, schemas, events } = engine
  const { refreshClaims, callbackWithin } = options
  if (refreshClaims === null) return { kind: 'unchanged' }
  const { id: sessionId, userId, claims, data } = row
  // A copy: the function may change its argument.
  const input = structuredClone({ userId, sessionId, claims, data, stale: refusal !== null })
  const isPresent = (value: unknown): boolean =>
    isDeepStrictEqual(value, claims) || isDeepStrictEqual(value, stored.claims)
  let result: ClaimsObject | null
  try {
    result = await within(
      callbackWithin,
      () => refreshClaims(input),
      () => {
        throw new TryAgainError(1, `\`refreshClaims\` did not answer within ${callbackWithin / 1000} s`)
      },
    )
  } catch (error) {
    events.emit('claimsRefreshFailed', { sessionId, userId, error })
    return options.onRefreshClaimsError === 'end' ? { kind: 'end', failed: true } : { kind: 'unchanged' }
  }
  if (result === null) return { kind: 'end', failed: false }
  if (isPresent(result)) return { kind: 'unchanged' }
  try {
    const accepted = await schemas.claims.accept(result)
    if (isPresent(accepted)) return { kind: 'unchanged' }
    await assertClaimsRefresh(engine, stored, accepted, stored.claims)
    return { kind: 'changed', claims: accepted }
  } catch (error) {
    // A mistake in a schema must not end sessions.
    events.emit('claimsRefreshFailed', { sessionId, userId, error })
    return { kind: 'unchanged' }
  }
}
