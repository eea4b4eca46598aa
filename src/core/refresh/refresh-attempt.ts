import type { NormalContext } from '../request-context.ts'

/** A refresh with a genuine token, as `limits.allowRefresh` gets it before the answer. */
export interface RefreshAttempt extends NormalContext {
  readonly sessionId: string
}
