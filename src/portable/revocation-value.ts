import { END_REASONS, type EndReason, isOwnReason } from './end-reason.ts'
import { AccessTokenExpiredError, SessionEndedError } from './errors.ts'
import type { AccessToken } from './token-payload.ts'

/**
 * The revocation state of a session as one number, also in the list for other services. 0: nothing known. Negative:
 * the session ended, -1 minus the index of the reason, or {@link OTHER}. Positive: the smallest accepted version plus one.
 */
export type RevocationValue = number

/** The session ended for a reason without a code. Every release reads a negative value as an end. */
const OTHER: RevocationValue = -(2 ** 31)
const MAX_VERSION = 2 ** 31 - 2

/** Never 0, whatever the reason. */
export const valueOfEnd = (reason: string): RevocationValue =>
  isOwnReason(reason) ? -1 - END_REASONS.indexOf(reason) : OTHER

/** Never 0 or negative, whatever the version: a value of 32 bits must not overflow. */
export const valueOfVersion = (version: number): RevocationValue =>
  Math.min(Math.max(version, 0), MAX_VERSION) + 1

/** `null` when the session has not ended; `other` also for the code of a later release. */
export const reasonOf = (value: RevocationValue): EndReason | null =>
  value < 0 ? (END_REASONS[-1 - value] ?? 'other') : null
export const versionOf = (value: RevocationValue): number => Math.max(0, value - 1)

/**
 * If another session has ended that this one ends with, the token must be refreshed: the refresh reads the rows. So it does if
 * an acting session or that of its administrator has ended or changed.
 * @param lookUp reads the state of a session
 * @param refreshBefore access tokens issued before this time must be refreshed, in ms
 * @throws SessionEndedError, AccessTokenExpiredError
 */
export function assertNotRevoked(
  {
    sessionId,
    version,
    issuedAt,
    actor,
    actorVersion,
    ancestors,
  }: Pick<AccessToken, 'sessionId' | 'version' | 'issuedAt' | 'actor' | 'actorVersion' | 'ancestors'>,
  lookUp: (sessionId: string) => RevocationValue,
  refreshBefore: number,
): void {
  const value = lookUp(sessionId)
  const reason = reasonOf(value)
  if (actor === null && reason !== null) throw new SessionEndedError(sessionId, reason)
  const own = actor === null ? 0 : lookUp(actor.sessionId)
  const hasEnded =
    reason !== null ||
    reasonOf(own) !== null ||
    actorVersion < versionOf(own) ||
    ancestors.some((id) => reasonOf(lookUp(id)) !== null)
  if (hasEnded || version < versionOf(value) || issuedAt < refreshBefore)
    throw new AccessTokenExpiredError('superseded')
}
