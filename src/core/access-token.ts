import { randomInt } from 'node:crypto'
import { decodeBase64url } from './base64url.ts'
import type { ClaimsObject } from './claims.ts'
import { AccessTokenInvalidError } from './errors.ts'
import type { KeyRing } from './key-ring.ts'
import type { Presented } from './rotation.ts'
import { sessionIdFromBytes, sessionIdToBytes } from './session-id.ts'
import type { SigningKey } from './signing-key.ts'

/** Longer than any token Pawl mints: whatever exceeds it is refused before any work. */
const MAX_LENGTH = 4096
/** The longest cookie name the HTTP layer accepts; with it, name and value stay within 4096 bytes (RFC 6265bis section 5.6). */
export const MAX_COOKIE_NAME = 64
const MAX_MINTED = MAX_LENGTH - MAX_COOKIE_NAME
const GEN_BYTES = 42
/** `"gen":"…",` with its 56 characters, `"n":…` instead never needs more, a version of ten digits, and `"ctx":"…",` of 17 characters. */
const ROOM_TO_GROW = 56 + 9 + 10 + 26

/** What every token of this installation says of itself. */
export interface AccessTokenProfile {
  readonly issuer: string | null
  readonly audience: string | null
  readonly clientId: string | null
}

export interface AccessTokenFields {
  readonly sessionId: string
  readonly userId: string
  readonly version: number
  /** All times in milliseconds; the token holds seconds. */
  readonly authTime: number
  readonly issuedAt: number
  readonly expiresAt: number
  readonly generation: number
  /** The refresh token issued with it; `null` when the row already records that one. */
  readonly twin: Presented | null
  /** Says, to whoever has the secret, where the token was issued to; `null` where nobody asks. */
  readonly contextTag: string | null
  readonly claims: ClaimsObject
}

/** A genuine access token, taken apart. Whether it is still good is for the caller to say. */
export interface AccessToken extends AccessTokenFields {
  /** Finds the key it was verified with. */
  readonly header: string
  readonly notBefore: number | null
}

interface Payload {
  sub: string
  sid: string
  iat: number
  exp: number
  auth_time: number
  ver: number
  gen?: string
  n?: number
  ctx?: string
  nbf?: number
  iss?: string
  aud?: string | string[]
  client_id?: string
  jti?: string
}

export async function mintAccessToken(
  key: SigningKey,
  profile: AccessTokenProfile,
  fields: AccessTokenFields,
): Promise<string> {
  const input = `${key.header}.${encodePayload(profile, fields)}`
  return `${input}.${await key.sign(input)}`
}

/**
 * Whether every access token this session can ever get fits a cookie.
 * @throws TypeError when it does not (ASVS 3.3.5)
 */
export function checkFits(key: SigningKey, profile: AccessTokenProfile, fields: AccessTokenFields): void {
  const payload = JSON.stringify(
    payloadOf(profile, { ...fields, twin: null, generation: 0, contextTag: null }),
  )
  const bytes = Buffer.byteLength(payload) + ROOM_TO_GROW
  const length = key.header.length + 1 + Math.ceil((bytes * 4) / 3) + 1 + 86
  if (length > MAX_MINTED) {
    throw new TypeError(
      `\`claims\` make an access token of up to ${length} bytes; a cookie holds ${MAX_MINTED}. Keep what is large in \`data\``,
    )
  }
}

function encodePayload(profile: AccessTokenProfile, fields: AccessTokenFields): string {
  return Buffer.from(JSON.stringify(payloadOf(profile, fields))).toString('base64url')
}

function payloadOf(profile: AccessTokenProfile, fields: AccessTokenFields): Payload & ClaimsObject {
  const { twin, generation } = fields
  return {
    sub: fields.userId,
    sid: sessionIdToBytes(fields.sessionId).toString('base64url'),
    iat: Math.floor(fields.issuedAt / 1000),
    exp: Math.floor(fields.expiresAt / 1000),
    auth_time: Math.floor(fields.authTime / 1000),
    ver: fields.version,
    ...(twin !== null && { gen: encodeTwin(twin) }),
    ...(twin === null && generation > 0 && { n: generation }),
    ...(fields.contextTag !== null && { ctx: fields.contextTag }),
    ...(profile.issuer !== null && { iss: profile.issuer }),
    ...(profile.audience !== null && { aud: profile.audience }),
    // RFC 9068 section 2.2 requires both together; the pair of session and random part is unique.
    ...(profile.clientId !== null && { client_id: profile.clientId, jti: randomInt(2 ** 47).toString(36) }),
    ...fields.claims,
  }
}

/**
 * Takes a token apart after its signature has been checked. No part of it is interpreted before that.
 * @throws AccessTokenInvalidError
 */
export function parseAccessToken(value: unknown, ring: KeyRing, profile: AccessTokenProfile): AccessToken {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) throw new AccessTokenInvalidError()
  const first = value.indexOf('.')
  const second = value.indexOf('.', first + 1)
  if (first < 1 || second < 0 || value.includes('.', second + 1)) throw new AccessTokenInvalidError()

  const header = value.slice(0, first)
  const key = ring.find(header)
  if (key === undefined) {
    if (couldBeOurs(header)) ring.lookAgain()
    throw new AccessTokenInvalidError()
  }
  if (!key.verify(value.slice(0, second), value.slice(second + 1))) throw new AccessTokenInvalidError()

  const bytes = decodeBase64url(value.slice(first + 1, second))
  const token = bytes === null ? null : readPayload(bytes.toString(), key.header, profile)
  if (token === null) throw new AccessTokenInvalidError()
  return token
}

/** A signature proves who signed, not what: a key the application shares may have signed something else. */
function readPayload(text: string, header: string, profile: AccessTokenProfile): AccessToken | null {
  let payload: Payload
  try {
    payload = JSON.parse(text) as Payload
  } catch {
    return null
  }
  if (typeof payload !== 'object' || payload === null) return null
  const {
    sub,
    sid,
    iat,
    exp,
    auth_time,
    ver,
    gen,
    n,
    ctx,
    nbf,
    iss,
    aud,
    client_id,
    jti: _jti,
    ...claims
  } = payload
  const sidBytes = typeof sid === 'string' && sid.length === 22 ? decodeBase64url(sid) : null
  if (sidBytes === null || typeof sub !== 'string' || sub === '') return null
  if (![iat, exp, auth_time].every(Number.isSafeInteger) || !Number.isInteger(ver)) return null
  if (nbf !== undefined && !Number.isFinite(nbf)) return null
  if (profile.issuer !== null && iss !== profile.issuer) return null
  if (
    profile.audience !== null &&
    aud !== profile.audience &&
    !(Array.isArray(aud) && aud.includes(profile.audience))
  )
    return null
  if (profile.clientId !== null && client_id !== profile.clientId) return null
  const twin = gen === undefined ? null : decodeTwin(gen)
  if (ctx !== undefined && typeof ctx !== 'string') return null
  if (twin === undefined || (n !== undefined && !Number.isInteger(n))) return null
  return {
    header,
    sessionId: sessionIdFromBytes(sidBytes),
    userId: sub,
    version: ver,
    authTime: auth_time * 1000,
    issuedAt: iat * 1000,
    expiresAt: exp * 1000,
    notBefore: nbf === undefined ? null : nbf * 1000,
    generation: twin?.generation ?? n ?? 0,
    twin,
    contextTag: ctx ?? null,
    claims,
  }
}

/** Only a well-formed header of ours with an unknown `kid` is worth a look into the database. */
function couldBeOurs(header: string): boolean {
  if (header.length > 256) return false
  try {
    const { alg, kid, typ } = JSON.parse(decodeBase64url(header)?.toString() ?? '')
    return ['HS256', 'EdDSA', 'ES256'].includes(alg) && typ === 'at+jwt' && typeof kid === 'string'
  } catch {
    return false
  }
}

/** n (4) | f (16) | p (16) | t (6). */
function encodeTwin(twin: Presented): string {
  const bytes = Buffer.alloc(GEN_BYTES)
  bytes.writeUInt32BE(twin.generation, 0)
  bytes.set(twin.fingerprint, 4)
  bytes.set(twin.parent, 20)
  bytes.writeUIntBE(twin.issuedAt, 36, 6)
  return bytes.toString('base64url')
}

function decodeTwin(text: unknown): Presented | undefined {
  const bytes = typeof text === 'string' ? decodeBase64url(text) : null
  if (bytes?.length !== GEN_BYTES) return undefined
  return {
    generation: bytes.readUInt32BE(0),
    fingerprint: bytes.subarray(4, 20),
    parent: bytes.subarray(20, 36),
    issuedAt: bytes.readUIntBE(36, 6),
  }
}
