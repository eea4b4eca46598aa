import { END_REASONS, type EndReason } from './end-reason.ts'
import { AccessTokenExpiredError, SessionEndedError } from './errors.ts'
import type { AccessToken } from './token-payload.ts'

/**
 * What is known of a session that ended or changed, in one number: 0 is nothing, below zero why it ended, above
 * the smallest acceptable version, plus one. The same on its way to other services.
 */
export type RevocationValue = number

export const valueOfEnd = (reason: EndReason): RevocationValue => -1 - END_REASONS.indexOf(reason)
export const valueOfVersion = (version: number): RevocationValue => version + 1

/** `null` when it has not ended, or for a reason that only a later release knows. */
export const reasonOf = (value: RevocationValue): EndReason | null => END_REASONS[-1 - value] ?? null
export const versionOf = (value: RevocationValue): number => Math.max(0, value - 1)

/** @throws SessionEndedError */
export function assertNoEnd(sessionId: string, value: RevocationValue): void {
  if (value < 0) throw new SessionEndedError(sessionId, reasonOf(value) ?? 'unknown')
}

/**
 * @param refreshBefore access tokens issued before this time must be refreshed, in ms
 * @throws SessionEndedError, AccessTokenExpiredError
 */
export function assertNotRevoked(
  { sessionId, version, issuedAt }: Pick<AccessToken, 'sessionId' | 'version' | 'issuedAt'>,
  value: RevocationValue,
  refreshBefore: number,
): void {
  assertNoEnd(sessionId, value)
  if (version < versionOf(value) || issuedAt < refreshBefore) throw new AccessTokenExpiredError('superseded')
}
