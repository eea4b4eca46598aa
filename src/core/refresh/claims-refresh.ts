import type { ClaimsObject } from '../../portable/claims.ts'

/** A session as the option `refreshClaims` gets it. */
export interface ClaimsRefresh<Claims extends object = ClaimsObject, Data = unknown> {
  readonly userId: string
  readonly sessionId: string
  /** The present claims; at a login those that `create` was given. */
  readonly claims: Claims
  readonly data: Data
  /** Whether a schema refuses `claims` or `data`. They are then as an earlier release wrote them, not as the types say. */
  readonly stale: boolean
}
