import type { DeviceKey, DeviceKind, Renewal, SessionRow } from '../core/store.ts'
import type { Actor } from '../portable/actor.ts'
import type { ClaimsObject } from '../portable/claims.ts'
import type { Row } from './connection.ts'
import { bytes, type Parameter } from './parameters.ts'
import { SESSION_COLUMNS, type SessionColumn } from './queries.ts'
import { firstDay, timestamp } from './times.ts'

type JsonColumn = 'claims' | 'data' | 'renewals'

/** The parameters of `insert`. */
export function insertValues(row: SessionRow): Parameter[] {
  const columns = toColumns(row)
  const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value))
  const values = {
    ...columns,
    claims: json(columns.claims),
    data: json(columns.data),
    renewals: renewalsValue(row.renewals),
  }
  return SESSION_COLUMNS.map((name) => values[name])
}

/** The parameters of `insertMany`. */
export function insertManyValues(rows: readonly SessionRow[]): Parameter[] {
  return [JSON.stringify(rows.map(toColumns))]
}

/** Defaults are stored as null, because that keeps the rows small. {@link toSessionRow} puts them back. */
function toColumns(
  row: SessionRow,
): Record<Exclude<SessionColumn, JsonColumn>, Parameter> & Record<JsonColumn, unknown> {
  const unlessAtLogin = (ms: number): string | null => (ms === row.createdAt ? null : timestamp(ms))
  return {
    id: row.id,
    user_id: row.userId,
    generation: row.generation,
    current: bytes(row.current),
    previous: bytes(row.previous),
    anchor_hash: bytes(row.anchorHash),
    turned_at: unlessAtLogin(row.turnedAt),
    switched_at: timestamp(row.switchedAt),
    version: row.version || null,
    created_at: timestamp(row.createdAt),
    auth_time: unlessAtLogin(row.authTime),
    expires_at: timestamp(row.expiresAt),
    absolute_expires_at: timestamp(row.absoluteExpiresAt),
    idle_timeout: row.idleTimeout === null ? null : row.idleTimeout / 1000,
    persistent: row.persistent ? null : false,
    claims: Object.keys(row.claims).length === 0 ? null : row.claims,
    data: row.data,
    data_version: row.dataVersion || null,
    ip: row.ip,
    user_agent: row.userAgent,
    ended_at: timestamp(row.endedAt),
    end_reason: row.endReason,
    prune_on: firstDay(row.pruneAt),
    renewals: row.renewals.length === 0 ? null : row.renewals.map(toStoredRenewal),
    reuse_since: timestamp(row.reuseSince),
    actor_session_id: row.actor?.sessionId ?? row.parentId,
    actor_user_id: row.actor?.userId ?? null,
    device_key: bytes(row.device?.key ?? null),
    device_kind: row.device?.kind ?? null,
  }
}

/** A renewal as the column holds it. */
interface StoredRenewal extends Omit<Renewal, 'anchorHash'> {
  readonly anchor: string
}

/** The column `renewals` as a parameter. */
export function renewalsValue(renewals: readonly Renewal[]): string | null {
  return renewals.length === 0 ? null : JSON.stringify(renewals.map(toStoredRenewal))
}

function toStoredRenewal({ anchorHash, ...fields }: Renewal): StoredRenewal {
  return { anchor: Buffer.from(anchorHash).toString('base64url'), ...fields }
}

function toRenewal({ anchor, ...fields }: StoredRenewal): Renewal {
  return { anchorHash: Buffer.from(anchor, 'base64url'), ...fields }
}

/** The session that a row ends with. With a user id, it is that of an administrator who acts. */
function toOwner(row: Row): { readonly actor: Actor | null; readonly parentId: string | null } {
  const sessionId = row['actor_session_id'] as string | null
  const userId = row['actor_user_id'] as string | null
  return userId === null || sessionId === null
    ? { actor: null, parentId: sessionId }
    : { actor: { userId, sessionId }, parentId: null }
}

/** A kind of a later release must not unbind the session: its refresh is then refused for want of a proof. */
function toDevice(row: Row): DeviceKey | null {
  const key = row['device_key'] as Buffer | null
  return key === null ? null : { key, kind: row['device_kind'] as DeviceKind }
}

/**
 * Why a session ended; `null` while it is active. Each of the two columns ends it, because another program may set only
 * one.
 */
export function toEndReason(row: Row): string | null {
  return (row['end_reason'] as string | null) ?? (row['ended_at'] === null ? null : 'other')
}

export function toSessionRow(row: Row): SessionRow {
  const createdAt = row['created_at'] as number
  const turnedAt = (row['turned_at'] as number | null) ?? createdAt
  const endReason = toEndReason(row)
  return {
    id: row['id'] as string,
    userId: String(row['user_id']),
    generation: row['generation'] as number,
    current: row['current'] as Buffer,
    previous: row['previous'] as Buffer | null,
    anchorHash: row['anchor_hash'] as Buffer,
    renewals: ((row['renewals'] as StoredRenewal[] | null) ?? []).map(toRenewal),
    reuseSince: row['reuse_since'] as number | null,
    turnedAt,
    switchedAt: row['switched_at'] as number | null,
    version: (row['version'] as number | null) ?? 0,
    createdAt,
    authTime: (row['auth_time'] as number | null) ?? createdAt,
    expiresAt: row['expires_at'] as number,
    absoluteExpiresAt: row['absolute_expires_at'] as number | null,
    idleTimeout: row['idle_timeout'] === null ? null : (row['idle_timeout'] as number) * 1000,
    persistent: (row['persistent'] as boolean | null) ?? true,
    claims: (row['claims'] as ClaimsObject | null) ?? {},
    data: row['data'] ?? null,
    dataVersion: (row['data_version'] as number | null) ?? 0,
    ip: row['ip'] as string | null,
    userAgent: row['user_agent'] as string | null,
    ...toOwner(row),
    device: toDevice(row),
    endedAt: endReason === null ? null : ((row['ended_at'] as number | null) ?? turnedAt),
    endReason,
    pruneAt: row['prune_on'] as number,
  }
}
