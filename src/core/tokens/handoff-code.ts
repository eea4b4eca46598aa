import { hash, timingSafeEqual } from 'node:crypto'
import { decodeBase64url } from '../../portable/base64url.ts'
import { HandoffRefusedError, SecretUnknownError } from '../../portable/errors.ts'
import { sessionIdFromBytes } from '../../portable/session-id.ts'
import { sameBytes } from '../keys/same-bytes.ts'
import type { Secret, Secrets } from '../keys/secrets.ts'
import { sessionIdToBytes } from '../session/session-id-bytes.ts'
import { fingerprint } from './refresh-token.ts'

/** How long a code is good for, in ms. */
export const HANDOFF_LIFETIME = 60_000

/**
 * The code of a handoff: `pawl_h1_` and base64url of a record with a MAC under the secret. It names the session that it will
 * create, so the primary key of the table lets it create one only. No other record of its use is needed.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0 | 1 | flags: 1 the new session ends with its parent, 2 the code has a challenge |
 * | 1 | 2 | secret id |
 * | 3 | 16 | session id of the parent, which hands off |
 * | 19 | 16 | session id of the new session |
 * | 35 | 6 | when it was made, ms |
 * | 41 | 16 | witness: fingerprint of the anchor hash of the parent and the new session id |
 * | 57 | 16 | fingerprint of the origin |
 * | 73 | 16 | fingerprint of the challenge; zeros without one |
 * | 89 | 16 | HMAC-SHA-256, truncated, over prefix and all of the above |
 */
const PREFIX = 'pawl_h1_'
const BYTES = 105
const MAC_AT = 89
const LENGTH = PREFIX.length + (BYTES * 4) / 3
/** A later release may have codes of another length. */
const OTHER_VERSION = /^pawl_h[0-9]{1,5}_[\w-]{1,500}$/

const ENDS_WITH_PARENT = 1
const HAS_CHALLENGE = 2

/** The form of `S256` (RFC 7636 section 4.2). */
const CHALLENGE = /^[\w-]{43}$/
/** RFC 7636 section 4.1. */
const VERIFIER = /^[\w.~-]{43,128}$/

export interface HandoffCode {
  readonly parentId: string
  /** The session that the code creates. */
  readonly sessionId: string
  /** When it was made, in ms. */
  readonly at: number
  readonly endsWithParent: boolean
  /**
   * Shows that its maker has read the row of the parent. A leaked secret does not reveal the anchor hash, so it makes no codes.
   */
  readonly witness: Uint8Array
  readonly origin: Uint8Array
  /** `null` without a challenge. */
  readonly challenge: Uint8Array | null
}

export function witnessOf(anchorHash: Uint8Array, sessionId: string): Buffer {
  return fingerprint(Buffer.concat([anchorHash, sessionIdToBytes(sessionId)]))
}

export function originPrint(origin: string): Buffer {
  return fingerprint(Buffer.from(origin))
}

/** @throws HandoffRefusedError for anything but a challenge of RFC 7636: it comes from the client */
export function challengePrint(challenge: unknown): Buffer {
  if (typeof challenge !== 'string' || !CHALLENGE.test(challenge) || decodeBase64url(challenge) === null)
    throw new HandoffRefusedError('challenge')
  return fingerprint(Buffer.from(challenge))
}

/**
 * Whether a verifier is that of the code. A verifier for a code without a challenge is refused too: somebody has left out the
 * challenge (RFC 9700 section 2.1.1).
 */
export function provesChallenge({ challenge }: HandoffCode, verifier: unknown): boolean {
  if (challenge === null) return verifier === undefined
  if (typeof verifier !== 'string' || !VERIFIER.test(verifier)) return false
  return sameBytes(challenge, challengePrint(hash('sha256', verifier, 'base64url')))
}

export function mintHandoffCode([secret]: Secrets, code: HandoffCode): string {
  const bytes = Buffer.alloc(BYTES)
  bytes[0] = (code.endsWithParent ? ENDS_WITH_PARENT : 0) | (code.challenge === null ? 0 : HAS_CHALLENGE)
  bytes.writeUInt16BE(secret.id, 1)
  bytes.set(sessionIdToBytes(code.parentId), 3)
  bytes.set(sessionIdToBytes(code.sessionId), 19)
  bytes.writeUIntBE(code.at, 35, 6)
  bytes.set(code.witness, 41)
  bytes.set(code.origin, 57)
  if (code.challenge !== null) bytes.set(code.challenge, 73)
  bytes.set(macOf(secret, bytes), MAC_AT)
  return PREFIX + bytes.toString('base64url')
}

/**
 * @throws HandoffRefusedError for anything that no secret of this installation has made
 * @throws SecretUnknownError for a code of another secret or release, as in a deployment
 */
export function parseHandoffCode(secrets: Secrets, value: unknown): HandoffCode {
  if (typeof value !== 'string') throw new HandoffRefusedError('invalid')
  if (!value.startsWith(PREFIX))
    throw OTHER_VERSION.test(value) ? new SecretUnknownError() : new HandoffRefusedError('invalid')
  const decoded = value.length === LENGTH ? decodeBase64url(value.slice(PREFIX.length)) : null
  if (decoded === null) throw new HandoffRefusedError('invalid')
  const bytes = Buffer.from(decoded.buffer)
  const secretId = bytes.readUInt16BE(1)
  const secret = secrets.find(({ id }) => id === secretId)
  if (secret === undefined) throw new SecretUnknownError()
  if (!timingSafeEqual(macOf(secret, bytes), bytes.subarray(MAC_AT))) throw new HandoffRefusedError('invalid')
  const flags = bytes[0]!
  return {
    parentId: sessionIdFromBytes(bytes.subarray(3, 19)),
    sessionId: sessionIdFromBytes(bytes.subarray(19, 35)),
    at: bytes.readUIntBE(35, 6),
    endsWithParent: (flags & ENDS_WITH_PARENT) !== 0,
    witness: bytes.subarray(41, 57),
    origin: bytes.subarray(57, 73),
    challenge: (flags & HAS_CHALLENGE) === 0 ? null : bytes.subarray(73, MAC_AT),
  }
}

function macOf(secret: Secret, bytes: Buffer): Buffer {
  const input = Buffer.concat([Buffer.from(PREFIX), bytes.subarray(0, MAC_AT)])
  return secret.handoff.digest(input).subarray(0, BYTES - MAC_AT)
}
