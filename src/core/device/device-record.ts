import { timingSafeEqual } from 'node:crypto'
import { decodeBase64url } from '../../portable/base64url.ts'
import { sessionIdFromBytes } from '../../portable/session-id.ts'
import type { Secret, Secrets } from '../keys/secrets.ts'
import { sessionIdToBytes } from '../session/session-id-bytes.ts'

/**
 * What Pawl states about a session and its device: `pawl_d1_` and base64url of a record with a MAC under the secret. So
 * neither a challenge nor a proof needs a place in the database.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 1 | purpose: its index in {@link PURPOSES} |
 * | 1 | 2 | secret id |
 * | 3 | 16 | session id |
 * | 19 | 6 | when it was made, ms |
 * | 25 | 6 | when the challenge was made that the device has signed, ms; in a challenge the same as above |
 * | 31 | 16 | fingerprint of the refresh token; zeros to register |
 * | 47 | 33 | key of the device, a compressed point; zeros to register, and in a challenge that was made without reading the row |
 * | 80 | 16 | HMAC-SHA-256, truncated, over prefix and all of the above |
 */
const PREFIX = 'pawl_d1_'
const BYTES = 96
const MAC_AT = 80
const LENGTH = PREFIX.length + Math.ceil((BYTES * 4) / 3)

/**
 * - `register`: a challenge. Whoever signs it may bind the session, within minutes and once. It comes with the answer of a
 *   login or reauthentication, so it is in no cookie.
 * - `confirm`: a challenge, with the answer of a registration by DBSC. The device that signs it has received that answer, and
 *   the session is bound.
 * - `refresh`: a challenge. The device signs it to prove itself for a refresh.
 * - `vouch`: the device has proved itself: the value of the device cookie.
 */
const PURPOSES = ['register', 'confirm', 'refresh', 'vouch'] as const
export type DevicePurpose = (typeof PURPOSES)[number]

export interface DeviceRecord {
  readonly purpose: DevicePurpose
  readonly sessionId: string
  /** Milliseconds. */
  readonly at: number
  /** When the challenge was made that the device has signed. Milliseconds. */
  readonly challengedAt: number
  /** Of the only refresh token that it is good for. */
  readonly fingerprint: Uint8Array
  readonly key: Uint8Array
}

const NO_FINGERPRINT = new Uint8Array(16)
const NO_KEY = new Uint8Array(33)

export function mintDeviceRecord(
  [secret]: Secrets,
  {
    purpose,
    sessionId,
    at,
    challengedAt = at,
    fingerprint = NO_FINGERPRINT,
    key = NO_KEY,
  }: Pick<DeviceRecord, 'purpose' | 'sessionId' | 'at'> & Partial<DeviceRecord>,
): string {
  const bytes = Buffer.alloc(BYTES)
  bytes[0] = PURPOSES.indexOf(purpose)
  bytes.writeUInt16BE(secret.id, 1)
  bytes.set(sessionIdToBytes(sessionId), 3)
  bytes.writeUIntBE(at, 19, 6)
  bytes.writeUIntBE(challengedAt, 25, 6)
  bytes.set(fingerprint, 31)
  bytes.set(key, 47)
  bytes.set(macOf(secret, bytes), MAC_AT)
  return PREFIX + bytes.toString('base64url')
}

/** @returns null for anything that none of these secrets has made for one of these purposes */
export function parseDeviceRecord(
  secrets: Secrets,
  value: unknown,
  ...purposes: readonly DevicePurpose[]
): DeviceRecord | null {
  if (typeof value !== 'string' || value.length !== LENGTH || !value.startsWith(PREFIX)) return null
  const decoded = decodeBase64url(value.slice(PREFIX.length))
  if (decoded === null) return null
  const bytes = Buffer.from(decoded.buffer)
  const secret = secrets.find(({ id }) => id === bytes.readUInt16BE(1))
  if (secret === undefined || !timingSafeEqual(macOf(secret, bytes), bytes.subarray(MAC_AT))) return null
  const purpose = PURPOSES[bytes[0]!]
  if (purpose === undefined || !purposes.includes(purpose)) return null
  return {
    purpose,
    sessionId: sessionIdFromBytes(bytes.subarray(3, 19)),
    at: bytes.readUIntBE(19, 6),
    challengedAt: bytes.readUIntBE(25, 6),
    fingerprint: bytes.subarray(31, 47),
    key: bytes.subarray(47, MAC_AT),
  }
}

/** Whether a record is about a key. Compressed points begin with 2 or 3. */
export function namesKey({ key }: Pick<DeviceRecord, 'key'>): boolean {
  return key[0] !== 0
}

/** Whether a text looks like a record of a secret that this process does not have. */
export function isRecordOfUnknownSecret(secrets: Secrets, value: string): boolean {
  const decoded =
    value.length === LENGTH && value.startsWith(PREFIX) ? decodeBase64url(value.slice(PREFIX.length)) : null
  if (decoded === null) return false
  const secretId = Buffer.from(decoded.buffer).readUInt16BE(1)
  return !secrets.some(({ id }) => id === secretId)
}

function macOf(secret: Secret, bytes: Buffer): Buffer {
  const input = Buffer.concat([Buffer.from(PREFIX), bytes.subarray(0, MAC_AT)])
  return secret.device.digest(input).subarray(0, BYTES - MAC_AT)
}
