import type { Actor } from './actor.ts'
import { decodeBase64url } from './base64url.ts'
import type { ClaimsObject } from './claims.ts'
import { CLOCK_TOLERANCE } from './clock-tolerance.ts'
import { AccessTokenExpiredError, AccessTokenInvalidError } from './errors.ts'
import type { Presented } from './presented.ts'
import { sessionIdFromBytes } from './session-id.ts'
import { TOKEN_CLAIM_NAMES, type TokenClaims } from './token-claims.ts'

/** Longer than any token Pawl mints: a longer one is refused before it is parsed. */
export const MAX_LENGTH = 4096
/** A later release may let more sessions hand off in a row. */
const MAX_ANCESTORS_READ = 16
/** Bytes of an encoded twin: generation (4) | fingerprint (16) | parent (16) | issuedAt (6). */
export const GEN_BYTES = 42

/** The claims that all access tokens of an installation have in common; `null` for none. */
export interface AccessTokenProfile {
  readonly issuer: string | null
  readonly audience: string | null
  readonly clientId: string | null
}

export interface AccessTokenFields {
  readonly sessionId: string
  readonly userId: string
  readonly version: number
  /** Times are milliseconds here and seconds in the token. */
  readonly authTime: number
  readonly issuedAt: number
  readonly expiresAt: number
  readonly generation: number
  /** The refresh token issued with it; `null` when the row already records that one. */
  readonly twin: Presented | null
  /** MAC of the address and user agent it was issued to; `null` unless `onContextChange` is `refresh`. */
  readonly contextTag: string | null
  /** The administrator who acts as the user; `null` for the user's own session. */
  readonly actor: Actor | null
  /** The version of the administrator's row; 0 in the user's own session. */
  readonly actorVersion: number
  /** The sessions that this one ends with, its parent first (`handoff`); empty for a login. */
  readonly ancestors: readonly string[]
  /** The thumbprint of the key that the session is bound to (RFC 9449 section 6.1); `null` if it is not bound. */
  readonly device: string | null
  readonly claims: ClaimsObject
}

/** The fields of an access token with a valid signature. The caller checks expiry and revocation. */
export interface AccessToken extends AccessTokenFields {
  /** Identifies the key that verified it. */
  readonly header: string
  readonly notBefore: number | null
}

/** The parts of a token in their encoded form. */
export interface TokenParts {
  readonly header: string
  readonly payload: string
  readonly signature: string
  /** The signed text: header and payload. */
  readonly input: string
}

/** @throws AccessTokenInvalidError */
export function splitToken(value: unknown): TokenParts {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) throw new AccessTokenInvalidError()
  const first = value.indexOf('.')
  const second = value.indexOf('.', first + 1)
  if (first < 1 || second < 0 || value.includes('.', second + 1)) throw new AccessTokenInvalidError()
  return {
    header: value.slice(0, first),
    payload: value.slice(first + 1, second),
    signature: value.slice(second + 1),
    input: value.slice(0, second),
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @returns null when it is not base64url @throws TypeError when it is not UTF-8 */
export function decodePayload(payload: string): string | null {
  const bytes = decodeBase64url(payload)
  return bytes === null ? null : utf8.decode(bytes)
}

/**
 * Reads the payload of a token with a valid signature. It checks every field, because the application may sign
 * other JWTs with the same key.
 * @throws AccessTokenInvalidError
 */
export function readPayload(
  { header, payload }: Pick<TokenParts, 'header' | 'payload'>,
  profile: AccessTokenProfile,
  decode: (payload: string) => string | null = decodePayload,
): AccessToken {
  let fields: unknown
  try {
    fields = JSON.parse(decode(payload) ?? '')
  } catch {
    throw new AccessTokenInvalidError()
  }
  const token =
    typeof fields === 'object' && fields !== null ? readFields(fields as TokenClaims, header, profile) : null
  if (token === null) throw new AccessTokenInvalidError()
  return token
}

function readFields(payload: TokenClaims, header: string, profile: AccessTokenProfile): AccessToken | null {
  const { iat, exp, auth_time, ver, gen, n, ctx, nbf, iss, aud, client_id, act, cnf, psid } = payload
  const subject = readSubject(payload)
  if (subject === null) return null
  const isTime = Number.isSafeInteger
  if (!isTime(iat) || !isTime(exp) || !isTime(auth_time) || !Number.isInteger(ver)) return null
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
  // A token that is bound in another way would else count as one that is not bound.
  if (cnf !== undefined && !isThumbprint(cnf?.jkt)) return null
  const actor = readSubject(act)
  const ancestors = readAncestors(psid)
  return {
    header,
    userId: subject.userId,
    sessionId: subject.sessionId,
    version: ver,
    authTime: auth_time * 1000,
    issuedAt: iat * 1000,
    expiresAt: exp * 1000,
    notBefore: nbf === undefined ? null : nbf * 1000,
    generation: twin?.generation ?? n ?? 0,
    twin,
    contextTag: ctx ?? null,
    actor,
    actorVersion: (actor !== null && Number.isInteger(act?.ver) && act?.ver) || 0,
    ancestors,
    device: cnf?.jkt ?? null,
    claims: claimsIn(payload, actor, ancestors),
  }
}

/** The user and session that `sub` and `sid` name: those of the token, or in `act` those of its actor. */
function readSubject(value: Partial<TokenClaims> | null | undefined): Actor | null {
  const { sub, sid } = value ?? {}
  const sessionId = readSessionId(sid)
  return sessionId === null || typeof sub !== 'string' || sub === '' ? null : { userId: sub, sessionId }
}

function readSessionId(value: unknown): string | null {
  const bytes = typeof value === 'string' && value.length === 22 ? decodeBase64url(value) : null
  return bytes === null ? null : sessionIdFromBytes(bytes)
}

/** One id, or a list of them. @returns an empty list for anything else */
function readAncestors(psid: unknown): string[] {
  const ids = (Array.isArray(psid) ? psid : [psid]).map(readSessionId)
  return ids.every((id) => id !== null) && ids.length <= MAX_ANCESTORS_READ ? ids : []
}

const isThumbprint = (value: unknown): boolean => typeof value === 'string' && value.length === 43

/** The claims of the application. An `act` or `psid` that names no session is one, from before Pawl reserved the name. */
function claimsIn(payload: object, actor: Actor | null, ancestors: readonly string[]): ClaimsObject {
  const isOurs = (name: string): boolean =>
    TOKEN_CLAIM_NAMES.has(name) ||
    (name === 'act' && actor !== null) ||
    (name === 'psid' && ancestors.length > 0)
  return Object.fromEntries(Object.entries(payload).filter(([name]) => !isOurs(name)))
}

function decodeTwin(text: unknown): Presented | undefined {
  const bytes = typeof text === 'string' ? decodeBase64url(text) : null
  if (bytes?.length !== GEN_BYTES) return undefined
  const view = new DataView(bytes.buffer)
  return {
    generation: view.getUint32(0),
    fingerprint: bytes.subarray(4, 20),
    parent: bytes.subarray(20, 36),
    issuedAt: view.getUint16(36) * 2 ** 32 + view.getUint32(38),
  }
}

/** @throws AccessTokenInvalidError when `iat` or `nbf` is in the future (RFC 7519 section 4.1) */
export function assertBegun({ issuedAt, notBefore }: AccessToken, now: number): void {
  if (Math.max(issuedAt, notBefore ?? 0) > now + CLOCK_TOLERANCE)
    throw new AccessTokenInvalidError('the access token is not valid yet')
}

/**
 * When the token expires, in ms. No later than `lifetime` allows: shortening the option applies to tokens already
 * issued, and the revocation list only covers that long.
 * @param lifetime of access tokens, in ms
 */
export function expiryOf(
  { expiresAt, issuedAt }: Pick<AccessToken, 'expiresAt' | 'issuedAt'>,
  lifetime: number,
): number {
  return Math.min(expiresAt, issuedAt + lifetime + CLOCK_TOLERANCE)
}

/**
 * @param lifetime of access tokens, in ms
 * @throws AccessTokenExpiredError
 */
export function assertUnexpired(
  token: Pick<AccessToken, 'expiresAt' | 'issuedAt'>,
  now: number,
  lifetime: number,
): void {
  if (now >= expiryOf(token, lifetime)) throw new AccessTokenExpiredError('expired')
}
