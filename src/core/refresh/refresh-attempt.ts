import type { NormalContext } from '../request-context.ts'

/** A refresh that Pawl would answer, as `limits.allowRefresh` gets it before the answer. */
export interface RefreshAttempt extends NormalContext {
  readonly sessionId: string
  /**
   * Identifies the presented refresh token, without revealing it. Count by it rather than by session: otherwise a
   * thief can use up the refreshes of the owner.
   */
  readonly fingerprint: string
}
