/** Why a session ended. Kept with the row until it is pruned. */
export type EndReason =
  | 'logout'
  | 'revoked'
  | 'reuse'
  | 'idle'
  | 'absolute'
  | 'replaced'
  | 'limit'
  | 'rollback'

/** Their places are part of what other services are told: new ones go to the end. */
export const END_REASONS: readonly EndReason[] = [
  'logout',
  'revoked',
  'reuse',
  'idle',
  'absolute',
  'replaced',
  'limit',
  'rollback',
]
