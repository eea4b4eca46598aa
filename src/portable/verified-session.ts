import type { ClaimsObject } from './claims.ts'
import type { AccessToken } from './token-payload.ts'

/** What a verified access token says. */
export interface VerifiedSession<Claims extends object = ClaimsObject> {
  readonly sessionId: string
  readonly userId: string
  readonly claims: Claims
  readonly issuedAt: Date
  readonly expiresAt: Date
  /** When the user last proved who they are. */
  readonly authTime: Date
  readonly generation: number
}

export function verifiedSession(token: AccessToken): VerifiedSession {
  return Object.freeze({
    sessionId: token.sessionId,
    userId: token.userId,
    claims: deepFreeze(token.claims),
    issuedAt: new Date(token.issuedAt),
    expiresAt: new Date(token.expiresAt),
    authTime: new Date(token.authTime),
    generation: token.generation,
  })
}

/** One verified token serves many requests; none of them may change it for the others. */
function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const name of Object.keys(value)) deepFreeze(value[name as keyof T])
    Object.freeze(value)
  }
  return value
}
