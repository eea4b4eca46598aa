import type { ClaimsObject } from '../../portable/claims.ts'
import type { EndReason, SessionRow } from '../store.ts'

/** A session as the application sees it: one login on one device. Holds nothing that could be used as a credential. */
export interface Session<Claims extends object = ClaimsObject, Data = unknown> {
  readonly sessionId: string
  readonly userId: string
  /** In the access token, readable by the client. */
  readonly claims: Claims
  /** Never sent to the client. */
  readonly data: Data
  /** Raised by every write of `data`; pass it as `ifVersion`. */
  readonly dataVersion: number
  /** Neither ended nor expired. */
  readonly active: boolean
  readonly createdAt: Date
  /** When the user last proved who they are. */
  readonly authTime: Date
  /** Written with turns, so about once per access-token lifetime. */
  readonly lastSeenAt: Date
  /** When it ends if it stays unused. */
  readonly expiresAt: Date
  /** When it ends however much it is used; `null`: never. */
  readonly absoluteExpiresAt: Date | null
  /** How often its refresh token has turned. */
  readonly generation: number
  /** Raised by `setClaims` and `reauthenticate`. */
  readonly version: number
  /** "Remember me": cookies outlive the browser. */
  readonly persistent: boolean
  readonly ip: string | null
  readonly userAgent: string | null
  readonly endedAt: Date | null
  /** Why it ended: "why was this user logged out?" */
  readonly endReason: EndReason | null
}

/** Why a session that no call ended is over all the same. */
export function expiryReason(row: SessionRow, now: number): 'idle' | 'absolute' | null {
  if (row.absoluteExpiresAt !== null && now >= row.absoluteExpiresAt) return 'absolute'
  return now >= row.expiresAt ? 'idle' : null
}

export function toSession<Claims extends object, Data>(row: SessionRow, now: number): Session<Claims, Data> {
  const expired = row.endReason === null ? expiryReason(row, now) : null
  const expiredAt = expired === 'absolute' ? row.absoluteExpiresAt! : row.expiresAt
  const endedAt = row.endedAt ?? (expired === null ? null : expiredAt)
  return {
    sessionId: row.id,
    userId: row.userId,
    claims: row.claims as Claims,
    data: row.data as Data,
    dataVersion: row.dataVersion,
    active: endedAt === null,
    createdAt: new Date(row.createdAt),
    authTime: new Date(row.authTime),
    lastSeenAt: new Date(row.turnedAt),
    expiresAt: new Date(row.expiresAt),
    absoluteExpiresAt: row.absoluteExpiresAt === null ? null : new Date(row.absoluteExpiresAt),
    generation: row.generation,
    version: row.version,
    persistent: row.persistent,
    ip: row.ip,
    userAgent: row.userAgent,
    endedAt: endedAt === null ? null : new Date(endedAt),
    endReason: row.endReason ?? expired,
  }
}
