import { isUtf8 } from 'node:buffer'
import { randomInt } from 'node:crypto'
import type { Actor } from '../../portable/actor.ts'
import type { ClaimsObject } from '../../portable/claims.ts'
import { AccessTokenInvalidError, isSessionsError } from '../../portable/errors.ts'
import { MAX_COOKIE_NAME } from '../../portable/options/cookie-name.ts'
import type { Presented } from '../../portable/presented.ts'
import type { TokenClaims } from '../../portable/token-claims.ts'
import { couldBeOurs } from '../../portable/token-header.ts'
import {
  type AccessToken,
  type AccessTokenFields,
  type AccessTokenProfile,
  GEN_BYTES,
  MAX_LENGTH,
  readPayload,
  splitToken,
  type TokenParts,
} from '../../portable/token-payload.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import type { SigningKey } from '../keys/signing-key.ts'
import { sessionIdToBytes } from '../session/session-id-bytes.ts'

export type { AccessToken, AccessTokenFields } from '../../portable/token-payload.ts'

const MAX_MINTED = MAX_LENGTH - MAX_COOKIE_NAME
/**
 * Bytes that later tokens of a session may need in addition: the fields `cnf` and `n`, a version of ten digits, and the
 * field `ctx`. The field `gen` is shorter than `cnf` and `n`, and a token of a bound session has none.
 */
const MAX_GROWTH = 60 + 15 + 10 + 26

/** The longest version in a token. */
const MAX_VERSION = 2 ** 31 - 1

const ANY_PROFILE: AccessTokenProfile = { issuer: null, audience: null, clientId: null }

export async function mintAccessToken(
  key: SigningKey,
  profile: AccessTokenProfile,
  fields: AccessTokenFields,
): Promise<string> {
  const input = `${key.header}.${encodePayload(profile, fields)}`
  return `${input}.${await key.sign(input)}`
}

/**
 * The longest access token whose refresh passes a proxy that reads 4096 bytes of a response's head, the default of nginx.
 * Besides the token, that response has up to 800 bytes: the rest of both `Set-Cookie` lines and the headers of the route, and
 * in a bound session the next challenge, which has up to 200 bytes.
 */
const MAX_REFRESHED = MAX_LENGTH - 800

const CHALLENGE_BYTES = 200

/** The length of the longest future access token of the session. */
function longestToken(key: SigningKey, profile: AccessTokenProfile, fields: AccessTokenFields): number {
  const payload = JSON.stringify(
    payloadOf(profile, {
      ...fields,
      twin: null,
      generation: 0,
      contextTag: null,
      actorVersion: MAX_VERSION,
      device: null,
    }),
  )
  const bytes = Buffer.byteLength(payload) + MAX_GROWTH
  return key.header.length + 1 + Math.ceil((bytes * 4) / 3) + 1 + 86
}

/**
 * Checks claims that a running session gets with its next refresh. If a proxy refused that response, and every later one, the
 * session could never be refreshed again. Claims of a session whose present ones are as large have shown that they pass.
 * @param present the token fields with the present claims; null if they are unknown
 * @throws TypeError if the claims are too large
 */
export function checkRefreshes(
  key: SigningKey,
  profile: AccessTokenProfile,
  fields: AccessTokenFields,
  present: AccessTokenFields | null,
): void {
  const length = longestToken(key, profile, fields)
  const most = fields.device === null ? MAX_REFRESHED : MAX_REFRESHED - CHALLENGE_BYTES
  if (length <= most) return
  if (present !== null && longestToken(key, profile, present) > most) return
  throw new TypeError(
    `\`claims\` make an access token of up to ${length} bytes. From ${most + 1} bytes on, a refresh does not pass a proxy with 4 kB for response headers, and the session would be lost. Put large values into \`data\`.`,
  )
}

/**
 * Checks that every future access token of the session fits a cookie (ASVS 3.3.5).
 * @throws TypeError if the claims are too large
 */
export function checkFits(key: SigningKey, profile: AccessTokenProfile, fields: AccessTokenFields): void {
  const length = longestToken(key, profile, fields)
  if (length > MAX_MINTED) {
    throw new TypeError(
      `\`claims\` make an access token of up to ${length} bytes, but a cookie holds ${MAX_MINTED}. Put large values into \`data\`.`,
    )
  }
}

function encodePayload(profile: AccessTokenProfile, fields: AccessTokenFields): string {
  return Buffer.from(JSON.stringify(payloadOf(profile, fields))).toString('base64url')
}

function payloadOf(profile: AccessTokenProfile, fields: AccessTokenFields): TokenClaims & ClaimsObject {
  const { twin, generation } = fields
  return {
    sub: fields.userId,
    sid: encodeSessionId(fields.sessionId),
    iat: Math.floor(fields.issuedAt / 1000),
    exp: Math.floor(fields.expiresAt / 1000),
    auth_time: Math.floor(fields.authTime / 1000),
    ver: fields.version,
    ...(twin !== null && { gen: encodeTwin(twin) }),
    ...(twin === null && generation > 0 && { n: generation }),
    ...(fields.contextTag !== null && { ctx: fields.contextTag }),
    ...(profile.issuer !== null && { iss: profile.issuer }),
    ...(profile.audience !== null && { aud: profile.audience }),
    // RFC 9068 section 2.2 requires both. Session id and random number together are unique.
    ...(profile.clientId !== null && { client_id: profile.clientId, jti: randomInt(2 ** 47).toString(36) }),
    ...fields.claims,
    // After the claims: a row of 0.1.0 may hold one of this name.
    ...(fields.actor !== null && {
      act: {
        sub: fields.actor.userId,
        sid: encodeSessionId(fields.actor.sessionId),
        ver: fields.actorVersion,
      },
    }),
    ...(fields.ancestors.length > 0 && { psid: encodeAncestors(fields.ancestors) }),
    ...(fields.device !== null && { cnf: { jkt: fields.device } }),
  }
}

/** The results of one request: each token with its fields, or null if its signature is wrong. */
export type CheckedTokens = Map<string, AccessToken | null>

/**
 * Checks the signature of a token, then reads its payload. No field is interpreted before the check.
 * @param checked a token in it is not checked again
 * @throws AccessTokenInvalidError
 */
export function parseAccessToken(
  value: unknown,
  ring: KeyRing,
  profile: AccessTokenProfile,
  checked?: CheckedTokens,
): AccessToken {
  const parts = splitToken(value)
  const key = ring.find(parts.header)
  if (key === undefined) reloadFor(parts, ring)
  const token = key === undefined ? null : readSigned(value as string, parts, key, profile, checked)
  if (token === null) throw new AccessTokenInvalidError()
  return token
}

/**
 * The fields of a genuine access token, also of one that has expired or whose key is retired; null for any other text.
 * They tell which session a request names. They authenticate nobody.
 */
export function inspectAccessToken(
  value: string,
  ring: KeyRing,
  profile: AccessTokenProfile,
  checked?: CheckedTokens,
): AccessToken | null {
  const parts = attempt(() => splitToken(value))
  if (parts === null) return null
  const key = ring.identify(parts.header)
  if (key === undefined) reloadFor(parts, ring)
  return key === undefined ? null : readSigned(value, parts, key, profile, checked)
}

/** The sessions that a token names: its own, and that of the administrator who acts. */
export function sessionIdsIn({
  sessionId,
  actor,
}: {
  readonly sessionId: string
  readonly actor: Actor | null
}): string[] {
  return actor === null ? [sessionId] : [sessionId, actor.sessionId]
}

/**
 * What a token names by its unchecked payload: anybody can write that. It may only choose among things that are genuine
 * themselves.
 * @returns null for text that is not the form of an access token
 */
export function claimedToken(value: string): AccessToken | null {
  return attempt(() => readPayload(splitToken(value), ANY_PROFILE))
}

/** Another process may have published the key of a token a moment ago. */
function reloadFor({ header }: TokenParts, ring: KeyRing): void {
  if (couldBeOurs(header)) ring.reloadForUnknownKid()
}

/** @returns null if the signature is wrong, or the payload is none of Pawl's */
function readSigned(
  value: string,
  { payload, input, signature }: TokenParts,
  { header, verify }: SigningKey,
  profile: AccessTokenProfile,
  checked: CheckedTokens | undefined,
): AccessToken | null {
  const known = checked?.get(value)
  if (known !== undefined) return known
  // The header comes from the key: a slice of the token would keep the whole token in memory.
  const token = verify(input, signature)
    ? attempt(() => readPayload({ header, payload }, profile, decodeGenuine))
    : null
  checked?.set(value, token)
  return token
}

/** @returns null where `read` throws an error of Pawl */
function attempt<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (isSessionsError(error)) return null
    throw error
  }
}

/**
 * Strict, as `decodePayload` in `portable`, but with the faster decoder of Node. That one is lenient, so the bytes
 * are encoded again (RFC 7515 section 5.2: no other characters).
 * @returns null if it is not base64url or not UTF-8
 */
function decodeGenuine(payload: string): string | null {
  const bytes = Buffer.from(payload, 'base64url')
  if (bytes.toString('base64url') !== payload) return null
  const text = bytes.toString()
  // Invalid UTF-8 decodes to U+FFFD, but a claim may also contain that character.
  return !text.includes('\uFFFD') || isUtf8(bytes) ? text : null
}

/** The most frequent length has the shortest form. */
function encodeAncestors(ancestors: readonly string[]): string | string[] {
  const ids = ancestors.map(encodeSessionId)
  return ids.length === 1 ? ids[0]! : ids
}

/** A session id as an access token carries it. */
export function encodeSessionId(sessionId: string): string {
  return sessionIdToBytes(sessionId).toString('base64url')
}

function encodeTwin(twin: Presented): string {
  const bytes = Buffer.alloc(GEN_BYTES)
  bytes.writeUInt32BE(twin.generation, 0)
  bytes.set(twin.fingerprint, 4)
  bytes.set(twin.parent, 20)
  bytes.writeUIntBE(twin.issuedAt, 36, 6)
  return bytes.toString('base64url')
}
