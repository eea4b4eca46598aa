import { decodeBase64url } from './base64url.ts'
import type { ClaimsObject } from './claims.ts'
import { CLOCK_TOLERANCE } from './clock-tolerance.ts'
import { AccessTokenExpiredError, AccessTokenInvalidError } from './errors.ts'
import type { Presented } from './presented.ts'
import { sessionIdFromBytes } from './session-id.ts'

/** Longer than any token Pawl mints: whatever exceeds it is refused before any work. */
export const MAX_LENGTH = 4096
/** A twin: n (4) | f (16) | p (16) | t (6). */
export const GEN_BYTES = 42

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

/** What the token holds besides the application's claims. */
export interface Payload {
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

/** Names in the payload that are never claims of the application. */
export const PAYLOAD_NAMES: ReadonlySet<string> = new Set<keyof Payload | '__proto__'>([
  'sub',
  'sid',
  'iat',
  'exp',
  'auth_time',
  'ver',
  'gen',
  'n',
  'ctx',
  'nbf',
  'iss',
  'aud',
  'client_id',
  'jti',
  // Assigning it would set the prototype.
  '__proto__',
])

/** The parts of a token, as they stand in it. */
export interface TokenParts {
  readonly header: string
  readonly payload: string
  readonly signature: string
  /** What is signed. */
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

/** Decodes the payload of a token, without Node. @throws TypeError when it is not UTF-8 */
export function decodePayload(payload: string): string | null {
  const bytes = decodeBase64url(payload)
  return bytes === null ? null : utf8.decode(bytes)
}

/**
 * Reads the payload of a token whose signature has been checked. A signature proves who signed, not what: a key
 * the application shares may have signed something else.
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
    typeof fields === 'object' && fields !== null ? readFields(fields as Payload, header, profile) : null
  if (token === null) throw new AccessTokenInvalidError()
  return token
}

function readFields(payload: Payload, header: string, profile: AccessTokenProfile): AccessToken | null {
  const { sub, sid, iat, exp, auth_time, ver, gen, n, ctx, nbf, iss, aud, client_id } = payload
  const sidBytes = typeof sid === 'string' && sid.length === 22 ? decodeBase64url(sid) : null
  if (sidBytes === null || typeof sub !== 'string' || sub === '') return null
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
    claims: claimsIn(payload),
  }
}

/** The claims of the application. */
function claimsIn(payload: object): ClaimsObject {
  const claims: Record<string, unknown> = {}
  for (const name of Object.keys(payload))
    if (!PAYLOAD_NAMES.has(name)) claims[name] = (payload as ClaimsObject)[name]
  return claims
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

/** @throws AccessTokenInvalidError when it comes from the future */
export function assertBegun({ issuedAt, notBefore }: AccessToken, now: number): void {
  if (Math.max(issuedAt, notBefore ?? 0) > now + CLOCK_TOLERANCE)
    throw new AccessTokenInvalidError('the access token is not valid yet')
}

/**
 * When it expires, in ms.
 * @param lifetime longest life of an access token, in ms: this makes a shortened one hold at once, and what is
 * remembered of revocations suffice
 */
export function expiryOf(
  { expiresAt, issuedAt }: Pick<AccessToken, 'expiresAt' | 'issuedAt'>,
  lifetime: number,
): number {
  return Math.min(expiresAt, issuedAt + lifetime + CLOCK_TOLERANCE)
}

/**
 * @param lifetime as for {@link expiryOf}
 * @throws AccessTokenExpiredError
 */
export function assertUnexpired(
  token: Pick<AccessToken, 'expiresAt' | 'issuedAt'>,
  now: number,
  lifetime: number,
): void {
  if (now >= expiryOf(token, lifetime)) throw new AccessTokenExpiredError('expired')
}
