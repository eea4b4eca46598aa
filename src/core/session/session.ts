import type { Actor } from '../../portable/actor.ts'
import type { ClaimsObject } from '../../portable/claims.ts'
import { thumbprintOf } from '../device/device-key.ts'
import type { DeviceKind, EndReason, SessionRow } from '../store.ts'
import { latestAbsoluteExpiry } from './renewal.ts'

/** The device that a session is bound to. */
export interface SessionDevice {
  /** How the device proves itself. `dbsc`: the browser by itself. `webcrypto`: `pawl/client/bind`. `native`: an app. */
  readonly kind: DeviceKind
  /** The thumbprint of its public key (RFC 7638). The same key of one browser or app may bind several sessions. */
  readonly thumbprint: string
}

/** The record of a session: one login on one device, or one acting session. It contains no credential. */
export interface Session<Claims extends object = ClaimsObject, Data = unknown> {
  /** The id of the session, a UUID. It is not a secret. */
  readonly sessionId: string
  /** The id of the user; empty after `deleteUser`. */
  readonly userId: string
  /** The application's part of the access token. The client can read it. */
  readonly claims: Claims
  /** The application's part of the row. Pawl never sends it to the client. */
  readonly data: Data
  /** The version of `data`, which increases when `data` is written. Pass it as `ifVersion`. */
  readonly dataVersion: number
  /** Whether the session has neither ended nor expired. */
  readonly active: boolean
  /** When the session started. */
  readonly createdAt: Date
  /** When the user last authenticated: at the login or a reauthentication. */
  readonly authTime: Date
  /** When the session was last seen. Rotations update it, about once per lifetime of an access token. */
  readonly lastSeenAt: Date
  /** When the session expires without further use. */
  readonly expiresAt: Date
  /** When the session expires at the latest; `null` without a limit. */
  readonly absoluteExpiresAt: Date | null
  /** How often the refresh token has rotated, from 0. */
  readonly generation: number
  /** The version of the session, which increases with each change of its claims or authentication. */
  readonly version: number
  /** "Remember me": whether the cookies outlive the browser. */
  readonly persistent: boolean
  /** The address of the client at the login or the last rotation; `null` if it is not known or not kept (`privacy.ip`). */
  readonly ip: string | null
  /** The user agent at the login or the last rotation; `null` if it is not known or not kept (`privacy.userAgent`). */
  readonly userAgent: string | null
  /** The administrator who acts as this user (`session.actAs`); `null` in the user's own session. */
  readonly actor: Actor | null
  /** The id of the parent session, which handed off to this one and with which it ends; `null` without a parent. */
  readonly parentId: string | null
  /** The key that the session is bound to (`deviceBinding`); `null` if it is not bound. */
  readonly device: SessionDevice | null
  /** When the session ended or expired; `null` while it is active. */
  readonly endedAt: Date | null
  /**
   * Whether a schema of `createSessions` refuses `claims` or `data`. They are then the stored values, and may not match
   * their types.
   */
  readonly stale: boolean
  /**
   * Why the session ended; `null` while it is active. If a later release or another program ended it, this is the text in the
   * row, or `other` without one.
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
