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
] as const

/** Why a session ended. Kept with the row until it is pruned. */
export type EndReason = (typeof END_REASONS)[number]
