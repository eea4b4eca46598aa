import type { Actor } from './actor.ts'
import type { ClaimsObject } from './claims.ts'
import type { AccessTokenFields } from './token-payload.ts'

/** The session that a verified access token names, with the fields of the token. The object is frozen. */
export interface VerifiedSession<Claims extends object = ClaimsObject> {
  /** The id of the session, a UUID. */
  readonly sessionId: string
  /** The id of the user. */
  readonly userId: string
  /** The claims of the application. */
  readonly claims: Claims
  /** When the access token was issued. */
  readonly issuedAt: Date
  /** When the access token expires. */
  readonly expiresAt: Date
  /** When the user last authenticated; in an acting session when the administrator did. */
  readonly authTime: Date
  /** How often the refresh token had rotated when the access token was issued; 0 in an acting session. */
  readonly generation: number
  /** The administrator who acts as this user (`session.actAs`); `null` in the user's own session. */
  readonly actor: Actor | null
  /**
   * The id of the parent session, which handed off to this one and with which it ends; `null` without a parent. In an acting
   * session it is the parent of the administrator's session.
   */
  readonly parentId: string | null
  /**
   * The thumbprint (RFC 7638) of the key that the session is bound to (`deviceBinding`); `null` if it is not bound. In an
   * acting session it is the key of the administrator's device.
   */
  readonly device: string | null
  /**
   * Whether the schema `claims` of `createSessions` refuses these claims, which may then not match their type. True only with
   * `onSchemaMismatch: 'stale'`. Always false in `pawl/verify`, which has no schema.
   */
  readonly stale: boolean
}

/** The fields of an access token that its session takes as they are. Times in milliseconds. */
type TokenFields = Pick<
  AccessTokenFields,
  'sessionId' | 'userId' | 'issuedAt' | 'expiresAt' | 'authTime' | 'generation' | 'actor' | 'device'
>

/** The fields of a session that its access token does not have, or not in this form. */
type SessionOwn = Pick<VerifiedSession, 'claims' | 'parentId' | 'stale'>

export function verifiedSession(
  token: TokenFields,
  { claims, parentId, stale }: SessionOwn,
): VerifiedSession {
  return Object.freeze({
    sessionId: token.sessionId,
    userId: token.userId,
    claims: deepFreeze(claims),
    issuedAt: new Date(token.issuedAt),
    expiresAt: new Date(token.expiresAt),
    authTime: new Date(token.authTime),
    generation: token.generation,
    actor: deepFreeze(token.actor),
    parentId,
    device: token.device,
    stale,
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
