import { hash, timingSafeEqual } from 'node:crypto'
import { decodeBase64url } from '../../portable/base64url.ts'
import { RefreshTokenInvalidError, SecretUnknownError } from '../../portable/errors.ts'
import { sessionIdFromBytes } from '../../portable/session-id.ts'
import { randomBytes } from '../keys/random.ts'
import type { Secret, Secrets } from '../keys/secrets.ts'
import type { Presented } from '../rotation/decision.ts'
import { sessionIdToBytes } from '../session/session-id-bytes.ts'

/**
 * The refresh token: `pawl_r1_`, or `pawl_r3_` for the first one of a renewal, and base64url of a fixed-size record. The record carries a MAC under the secret,
 * so that a forged or truncated token is refused without a read of the database.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 2 | secret id |
 * | 2 | 16 | session id |
 * | 18 | 4 | generation |
 * | 22 | 6 | issuedAt, ms |
 * | 28 | 16 | fingerprint of the parent |
 * | 44 | 16 | anchor |
 * | 60 | 16 | nonce |
 * | 76 | 16 | HMAC-SHA-256, truncated, over prefix and all of the above |
 */
const PREFIX = 'pawl_r1_'
/** The first token of a renewal. A release that does not know renewals answers "later" and keeps the cookies. */
export const RENEWAL_PREFIX = 'pawl_r3_'
const BYTES = 92
const MAC_AT = 76
const LENGTH = PREFIX.length + Math.ceil((BYTES * 4) / 3)
/** A later release may have longer tokens, in another encoding that fits a cookie. */
const OTHER_VERSION = /^pawl_r[0-9]{1,5}_[\w.~+/=-]{1,3500}$/

/** Largest generation of a token. The column is a signed 32-bit integer. */
const MAX_GENERATION = 2 ** 31 - 2

const FINGERPRINT_BYTES = 16
export const ANCHOR_BYTES = 16
export const NO_PARENT: Uint8Array = Buffer.alloc(FINGERPRINT_BYTES)

export interface RefreshToken extends Presented {
  /** The token as text. */
  readonly value: string
  readonly sessionId: string
  /** All refresh tokens of a lineage carry it, and the row holds its hash. A leaked secret does not reveal it. */
  readonly anchor: Uint8Array
}

/**
 * The result of parsing. `invalid`: not a refresh token of this installation. `unknown-secret`: another secret or
 * a newer release may have minted it, so the answer is "later", not "no".
 */
export type ParsedRefreshToken =
  | { readonly token: RefreshToken }
  | { readonly token: null; readonly reason: 'invalid' | 'unknown-secret' }

export function isOfUnknownSecret(parsed: ParsedRefreshToken): boolean {
  return parsed.token === null && parsed.reason === 'unknown-secret'
}

const INVALID: ParsedRefreshToken = { token: null, reason: 'invalid' }
const UNKNOWN_SECRET: ParsedRefreshToken = { token: null, reason: 'unknown-secret' }

/** First 16 bytes of the SHA-256 of the decoded bytes. Not of the text, which may have several spellings. */
export function fingerprint(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer').subarray(0, FINGERPRINT_BYTES)
}

export function mintRefreshToken(
  secrets: Secrets,
  fields: Omit<RefreshToken, 'value' | 'fingerprint'>,
  prefix: string = PREFIX,
): RefreshToken {
  const [secret] = secrets
  const bytes = Buffer.alloc(BYTES)
  bytes.writeUInt16BE(secret.id, 0)
  bytes.set(sessionIdToBytes(fields.sessionId), 2)
  bytes.writeUInt32BE(fields.generation, 18)
  bytes.writeUIntBE(fields.issuedAt, 22, 6)
  bytes.set(fields.parent, 28)
  bytes.set(fields.anchor, 44)
  bytes.set(randomBytes(16), 60)
  bytes.set(macOf(secret, prefix, bytes), MAC_AT)
  return { ...fields, value: prefix + bytes.toString('base64url'), fingerprint: fingerprint(bytes) }
}

export function parseRefreshToken(secrets: Secrets, value: unknown): ParsedRefreshToken {
  if (typeof value !== 'string') return INVALID
  // A release that is only partly deployed must not log anybody out.
  const prefix = value.slice(0, PREFIX.length)
  if (prefix !== PREFIX && prefix !== RENEWAL_PREFIX)
    return OTHER_VERSION.test(value) ? UNKNOWN_SECRET : INVALID
  const decoded = value.length === LENGTH ? decodeBase64url(value.slice(PREFIX.length)) : null
  if (decoded === null) return INVALID
  const bytes = Buffer.from(decoded.buffer)
  const secretId = bytes.readUInt16BE(0)
  const secret = secrets.find((candidate) => candidate.id === secretId)
  if (secret === undefined) return UNKNOWN_SECRET
  if (!timingSafeEqual(macOf(secret, prefix, bytes), bytes.subarray(MAC_AT))) return INVALID
  const generation = bytes.readUInt32BE(18)
  if (generation > MAX_GENERATION) return INVALID
  return {
    token: {
      value,
      sessionId: sessionIdFromBytes(bytes.subarray(2, 18)),
      generation,
      issuedAt: bytes.readUIntBE(22, 6),
      parent: bytes.subarray(28, 44),
      anchor: bytes.subarray(44, 60),
      fingerprint: fingerprint(bytes),
    },
  }
}

/** @throws RefreshTokenInvalidError, SecretUnknownError */
export function assertGenuine(parsed: ParsedRefreshToken): RefreshToken {
  if (parsed.token !== null) return parsed.token
  throw parsed.reason === 'unknown-secret' ? new SecretUnknownError() : new RefreshTokenInvalidError()
}

function macOf(secret: Secret, prefix: string, bytes: Buffer): Buffer {
  const input = Buffer.concat([Buffer.from(prefix), bytes.subarray(0, MAC_AT)])
  return secret.refresh.digest(input).subarray(0, BYTES - MAC_AT)
}
