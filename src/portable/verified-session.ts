import type { Actor } from './actor.ts'
import type { ClaimsObject } from './claims.ts'
import type { AccessTokenFields } from './token-payload.ts'

/** The session that a verified access token names, with the fields of the token. */
export interface VerifiedSession<Claims extends object = ClaimsObject> {
  readonly sessionId: string
  readonly userId: string
  readonly claims: Claims
  readonly issuedAt: Date
  readonly expiresAt: Date
  /** When the user last authenticated. While somebody acts as the user: when that administrator did. */
  readonly authTime: Date
  readonly generation: number
  /** Who acts as this user (`session.actAs`); `null` in the user's own session. */
  readonly actor: Actor | null
  /**
   * The session that this one ends with, and that has handed off to it. `null` for any other. While somebody
   * acts as the user: that which the administrator's session ends with.
   */
  readonly parentId: string | null
  /**
   * The thumbprint (RFC 7638) of the key that the session is bound to; `null` if it is not bound (`deviceBinding`). While
   * somebody acts as the user: that of the administrator's device.
   */
  readonly device: string | null
  /**
   * Whether the schema `claims` of `createSessions` refuses these claims. They are then as an earlier release wrote them,
   * not as the type says. Only with `onSchemaMismatch: 'stale'`; always false in `pawl/verify`, which has no schema.
   */
  readonly stale: boolean
}

/** The fields of an access token that become its session. Times in milliseconds. */
export type SessionFields = Pick<
  AccessTokenFields,
  | 'sessionId'
  | 'userId'
  | 'claims'
  | 'issuedAt'
  | 'expiresAt'
  | 'authTime'
  | 'generation'
  | 'actor'
  | 'device'
> & { readonly parentId: string | null; readonly stale?: boolean }

export function verifiedSession(fields: SessionFields): VerifiedSession {
  return Object.freeze({
    sessionId: fields.sessionId,
    userId: fields.userId,
    claims: deepFreeze(fields.claims),
    issuedAt: new Date(fields.issuedAt),
    expiresAt: new Date(fields.expiresAt),
    authTime: new Date(fields.authTime),
    generation: fields.generation,
    actor: deepFreeze(fields.actor),
    parentId: fields.parentId,
    device: fields.device,
    stale: !!fields.stale,
  })
}

/** A cached token serves many requests, and none of them may change the claims of the others. */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const name of Object.keys(value)) deepFreeze(value[name as keyof T])
    Object.freeze(value)
  }
  return value
}
