import { END_REASONS, type EndReason } from './end-reason.ts'
import { AccessTokenExpiredError, SessionEndedError } from './errors.ts'
import type { AccessToken } from './token-payload.ts'

/**
 * The revocation state of a session as one number, also in the list for other services. 0: nothing known. Negative:
 * the session ended, -1 minus the index of the reason. Positive: the smallest accepted version plus one.
 */
export type RevocationValue = number

export const valueOfEnd = (reason: EndReason): RevocationValue => -1 - END_REASONS.indexOf(reason)
export const valueOfVersion = (version: number): RevocationValue => version + 1

/** `null` when the session has not ended, or for a reason added by a later release. */
export const reasonOf = (value: RevocationValue): EndReason | null => END_REASONS[-1 - value] ?? null
export const versionOf = (value: RevocationValue): number => Math.max(0, value - 1)

/** @throws SessionEndedError */
export function assertNoEnd(sessionId: string, value: RevocationValue): void {
  if (value < 0) throw new SessionEndedError(sessionId, reasonOf(value) ?? 'unknown')
}

/**
 * If an acting session or that of its administrator has ended, the token must be refreshed: the refresh says whether the
 * administrator is still signed in.
 * @param lookUp reads the state of a session
 * @param refreshBefore access tokens issued before this time must be refreshed, in ms
 * @throws SessionEndedError, AccessTokenExpiredError
 */
export function assertNotRevoked(
  { sessionId, version, issuedAt, actor }: Pick<AccessToken, 'sessionId' | 'version' | 'issuedAt' | 'actor'>,
  lookUp: (sessionId: string) => RevocationValue,
  refreshBefore: number,
): void {
  const value = lookUp(sessionId)
  if (actor === null) assertNoEnd(sessionId, value)
  const hasEnded = actor !== null && (value < 0 || lookUp(actor.sessionId) < 0)
  if (hasEnded || version < versionOf(value) || issuedAt < refreshBefore)
    throw new AccessTokenExpiredError('superseded')
}
