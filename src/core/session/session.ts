import type { Actor } from '../../portable/actor.ts'
import type { ClaimsObject } from '../../portable/claims.ts'
import { thumbprintOf } from '../device/device-key.ts'
import type { DeviceKind, EndReason, SessionRow } from '../store.ts'
import { latestAbsoluteExpiry } from './renewal.ts'

/** The device that a session is bound to. */
export interface SessionDevice {
  /** `dbsc`: the browser itself proves itself. `webcrypto`: `pawl/client/bind` does. `native`: an app does. */
  readonly kind: DeviceKind
  /** Of its public key (RFC 7638). The same key of one browser or app may bind several sessions. */
  readonly thumbprint: string
}

/** One login of a user on one device, or an administrator who acts as that user. Contains no credential. */
export interface Session<Claims extends object = ClaimsObject, Data = unknown> {
  readonly sessionId: string
  readonly userId: string
  /** The application's part of the access token. The client can read them. */
  readonly claims: Claims
  /** The application's part of the row. Never sent to the client. */
  readonly data: Data
  /** Increases with every write of `data`; pass it as `ifVersion`. */
  readonly dataVersion: number
  /** Neither ended nor expired. */
  readonly active: boolean
  readonly createdAt: Date
  /** When the user last authenticated: at login or `reauthenticate`. */
  readonly authTime: Date
  /** Updated by turns, about once per lifetime of an access token. */
  readonly lastSeenAt: Date
  /** When the session expires without further use. */
  readonly expiresAt: Date
  /** When the session expires at the latest; `null`: never. */
  readonly absoluteExpiresAt: Date | null
  /** How often the refresh token has rotated. */
  readonly generation: number
  /** Increases with `setClaims`, `reauthenticate` and `expireAccessTokens`. */
  readonly version: number
  /** "Remember me": whether the cookies survive closing the browser. */
  readonly persistent: boolean
  readonly ip: string | null
  readonly userAgent: string | null
  /** Who acts as this user (`session.actAs`); `null` in the user's own session. */
  readonly actor: Actor | null
  /** The session that this one ends with, and that has handed off to it. `null` for any other. */
  readonly parentId: string | null
  /** The key that the session is bound to (`deviceBinding`); `null` if it is not bound. */
  readonly device: SessionDevice | null
  readonly endedAt: Date | null
  /**
   * Whether a schema of `createSessions` refuses `claims` or `data`. They are then as an earlier release wrote them, not as
   * the types say.
   */
  readonly stale: boolean
  /**
   * Why the session ended; `null` while it is active. If a later release or another program ended it, the text that this
   * wrote; `other` if it wrote none.
   */
  readonly endReason: EndReason | (string & {}) | null
}

/** Why a session has expired; `null` when it has not. The holder of a pending renewal may have longer than the row. */
export function expiryReason(row: SessionRow, now: number): 'idle' | 'absolute' | null {
  const absolute = latestAbsoluteExpiry(row)
  if (absolute !== null && now >= absolute) return 'absolute'
  return now >= row.expiresAt ? 'idle' : null
}

export function toSession<Claims extends object, Data>(
  row: SessionRow,
  now: number,
  stale: boolean,
): Session<Claims, Data> {
  const expired = row.endReason === null ? expiryReason(row, now) : null
  const expiredAt = expired === 'absolute' ? latestAbsoluteExpiry(row)! : row.expiresAt
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
    actor: row.actor,
    parentId: row.parentId,
    device: row.device === null ? null : { kind: row.device.kind, thumbprint: thumbprintOf(row.device.key) },
    endedAt: endedAt === null ? null : new Date(endedAt),
    endReason: row.endReason ?? expired,
    stale,
  }
}
