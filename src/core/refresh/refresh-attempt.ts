import type { NormalContext } from '../request-context.ts'

/** A refresh that Pawl would answer. Pawl passes it to the option `limits.allowRefresh` before it answers. */
export interface RefreshAttempt extends NormalContext {
  /** The id of the session. */
  readonly sessionId: string
  /**
   * Identifies the presented refresh token, without revealing it. Count by the fingerprint, not by the session: otherwise a
   * thief can use up the refreshes of the owner.
   */
  readonly fingerprint: string
}
