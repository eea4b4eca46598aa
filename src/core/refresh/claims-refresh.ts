import type { ClaimsObject } from '../../portable/claims.ts'

/** The session that Pawl passes to the option `refreshClaims`. */
export interface ClaimsRefresh<Claims extends object = ClaimsObject, Data = unknown> {
  /** The id of the user. */
  readonly userId: string
  /** The id of the session. */
  readonly sessionId: string
  /** The present claims; at a login those that `create` got. */
  readonly claims: Claims
  /** The present data; at a login those that `create` got. */
  readonly data: Data
  /** Whether a schema refuses `claims` or `data`. They are then the stored values, and may not match their types. */
  readonly stale: boolean
}
