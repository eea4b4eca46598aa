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
 * Why a session ended. Kept with the row until it is pruned. `other`: a later release or another program ended it, for
 * a reason that this release has no name for. Pawl never writes `other`.
 */
export type EndReason = OwnEndReason | 'other'

export function isOwnReason(text: string): text is OwnEndReason {
  return (END_REASONS as readonly string[]).includes(text)
}

/** The name of a stored reason. */
export const knownReason = (text: string): EndReason => (isOwnReason(text) ? text : 'other')
