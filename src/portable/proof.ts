import { decodeBase64url } from './base64url.ts'

/*
 * Proofs of possession as clients send them: JWTs of DPoP (RFC 9449 section 4.2) and of DBSC (W3C, "Device Bound Session
 * Credentials"). Reading one checks its form, and nothing that needs a key.
 */

/** Longer than any proof: a longer text is refused before it is parsed. */
const MAX_LENGTH = 4096
const MAX_TEXT = 512
const SIGNATURE_BYTES = 64
const COORDINATE_BYTES = 32
/** Members of a private or symmetric key (RFC 7518 section 6). A client that sends one has given its key away. */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

export type ProofType = 'dbsc+jwt' | 'dpop+jwt'

/** A public key of P-256 (RFC 7518 section 6.2.1). Whether its point is on the curve is not known yet. */
export interface PublicJwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
}

/** A proof of the right form, with an unchecked signature. */
export interface Proof {
  /** `null` in a refresh by DBSC. */
  readonly jwk: PublicJwk | null
  /** With DBSC the challenge, with DPoP a number used once. */
  readonly jti: string
  /** The challenge of DPoP. */
  readonly nonce: string | null
  /** The method of the request. */
  readonly htm: string | null
  /** The URL of the request. */
  readonly htu: string | null
  /** When the client made it, by the client's clock. Seconds. */
  readonly iat: number | null
  /** Hash of the access token. */
  readonly ath: string | null
  /** The signed text. */
  readonly input: string
  readonly signature: Uint8Array<ArrayBuffer>
}

/** @returns null for anything that is not exactly a proof of this type, signed with ES256 */
export function parseProof(value: unknown, typ: ProofType): Proof | null {
  if (typeof value !== 'string' || value.length > MAX_LENGTH) return null
  const [encodedHeader = '', encodedPayload = '', encodedSignature = '', ...rest] = value.split('.')
  if (rest.length > 0) return null
  const header = decodeObject(encodedHeader)
  const payload = decodeObject(encodedPayload)
  const signature = decodeBase64url(encodedSignature)
  if (header === null || payload === null || signature?.length !== SIGNATURE_BYTES) return null
  if (header['typ'] !== typ || header['alg'] !== 'ES256' || header['crit'] !== undefined) return null
  const jwk = header['jwk'] === undefined ? null : readJwk(header['jwk'])
  if (jwk === undefined) return null
  const { jti, nonce = null, htm = null, htu = null, iat = null, ath = null } = payload
  if (!isText(jti) || !isTextOrNull(nonce) || !isTextOrNull(htm) || !isTextOrNull(ath)) return null
  if (htu !== null && typeof htu !== 'string') return null
  if (iat !== null && !Number.isSafeInteger(iat)) return null
  const isComplete = jwk !== null && htm !== null && htu !== null && iat !== null
  if (typ === 'dpop+jwt' && !isComplete) return null
  const input = value.slice(0, value.lastIndexOf('.'))
  return { jwk, jti, nonce, htm, htu, iat: iat as number | null, ath, input, signature }
}

/** @returns undefined for anything but a public key of P-256 */
function readJwk(value: unknown): PublicJwk | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { kty, crv, x, y } = value as Partial<Record<string, unknown>>
  if (kty !== 'EC' || crv !== 'P-256' || typeof x !== 'string' || typeof y !== 'string') return undefined
  if (SECRET_MEMBERS.some((name) => name in value)) return undefined
  const isCoordinate = (text: string): boolean => decodeBase64url(text)?.length === COORDINATE_BYTES
  return isCoordinate(x) && isCoordinate(y) ? { kty, crv, x, y } : undefined
}

/** What the thumbprint of a key is the SHA-256 of (RFC 7638 section 3). */
export function thumbprintInput({ crv, kty, x, y }: PublicJwk): string {
  return JSON.stringify({ crv, kty, x, y })
}

/**
 * Whether a proof is for this request (RFC 9449 section 4.3): its method, host and path. The scheme may differ, because a proxy
 * may have ended TLS.
 */
export function matchesTarget({ htm, htu }: Proof, method: string, host: string, path: string): boolean {
  if (htm !== method || htu === null || !URL.canParse(htu)) return false
  const { protocol, host: own, pathname, username, password } = new URL(htu)
  if ((protocol !== 'https:' && protocol !== 'http:') || username !== '' || password !== '') return false
  const base = `${protocol}//${host}`
  if (!URL.canParse(path, base)) return false
  const target = new URL(path, base)
  return own === target.host && pathname === target.pathname
}

/** The text of a header that browsers send bare or, by its specification, as a string (RFC 9651 section 3.3.3). */
export function unquote(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decodeObject(encoded: string): Partial<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(utf8.decode(decodeBase64url(encoded) ?? new Uint8Array()))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null
  } catch {
    return null
  }
}

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= MAX_TEXT
const isTextOrNull = (value: unknown): value is string | null => value === null || isText(value)
