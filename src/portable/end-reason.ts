/** The reasons in the order of their codes in revocation lists: a new one goes to the end. */
export const END_REASONS = [
  'logout',
  'revoked',
  'reuse',
  'idle',
  'absolute',
  'replaced',
  'limit',
  'rollback',
  'device',
] as const

/** A reason for which this release ends sessions. */
export type OwnEndReason = (typeof END_REASONS)[number]

/**
 * Why a session ended. The row keeps the reason until it is pruned.
 *
 * - `logout`: the user signed out.
 * - `revoked`: a call ended it, its parent session ended, or `refreshClaims` returned null.
 * - `reuse`: a superseded refresh token came back.
 * - `idle`: the idle timeout passed.
 * - `absolute`: the absolute timeout passed.
 * - `replaced`: a new login of the same client replaced it.
 * - `limit`: a login exceeded `limits.sessionsPerUser`.
 * - `rollback`: the database had lost commits, and `rotation.onDatabaseRollback` is `end`.
 * - `device`: a new login replaced it, and its device had not proved itself; or it stayed unbound with
 *   `deviceBinding: 'require'`.
 * - `other`: a later release or another program ended it for a reason that this release has no name for. Pawl never
 *   writes `other`.
 */
export type EndReason = OwnEndReason | 'other'

export function isOwnReason(text: string): text is OwnEndReason {
  return (END_REASONS as readonly string[]).includes(text)
}

/** The name of a stored reason. */
export const knownReason = (text: string): EndReason => (isOwnReason(text) ? text : 'other')
