import { decodeBase64url } from './base64url.ts'
import { splitToken } from './token-payload.ts'

/** A public key of the curve P-256, with the members that its thumbprint covers (RFC 7638 section 3.2). */
export interface PublicJwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
}

/** A proof of possession of a key: of DPoP (RFC 9449 section 4.2), or of Device Bound Session Credentials (DBSC). */
export interface Proof {
  readonly typ: 'dbsc+jwt' | 'dpop+jwt'
  /** The key as the proof names it; always present in DPoP, in DBSC only at the registration. */
  readonly jwk: PublicJwk | null
  /** In DBSC the challenge that was signed. */
  readonly jti: string
  /** In DPoP the challenge that was signed. */
  readonly nonce: string | null
  /** The method of the request. */
  readonly htm: string | null
  /** The URL of the request. */
  readonly htu: string | null
  /** Seconds since the epoch, by the clock of the device. */
  readonly iat: number | null
  /** SHA-256 of the access token, as base64url. */
  readonly ath: string | null
  /** The signed text. */
  readonly input: string
  /** `r` and `s`, 32 bytes each. */
  readonly signature: Uint8Array<ArrayBuffer>
}

type JsonObject = Readonly<Record<string, unknown>>

/** Members that a key may have besides its point. Any other one may be private. */
const JWK_MEMBERS: ReadonlySet<string> = new Set([
  'kty',
  'crv',
  'x',
  'y',
  'alg',
  'use',
  'kid',
  'ext',
  'key_ops',
])

/**
 * Reads a proof without checking its signature, target or age. It accepts ES256 only, and one spelling of everything: strict
 * base64url, valid UTF-8, no member named twice (RFC 8725 section 3).
 * @returns null for anything else, and for text of more than 4096 characters
 */
export function parseProof(value: unknown, typ: Proof['typ']): Proof | null {
  try {
    const { header, payload, input, signature: encoded } = splitToken(value)
    const signature = decodeBase64url(encoded)
    if (signature?.length !== 64) return null
    const jwk = readHeader(parseObject(header), typ)
    if (jwk === undefined) return null
    return readClaims(parseObject(payload), { typ, jwk, input, signature })
  } catch {
    return null
  }
}

/** @returns the key, null if the header names none, undefined if the header is not that of a proof */
function readHeader(header: JsonObject, typ: Proof['typ']): PublicJwk | null | undefined {
  if (header['typ'] !== typ || header['alg'] !== 'ES256' || 'crit' in header) return undefined
  if ('jwk' in header) return readKey(header['jwk']) ?? undefined
  return typ === 'dbsc+jwt' ? null : undefined
}

function readKey(value: unknown): PublicJwk | null {
  if (!isObject(value) || !Object.keys(value).every((name) => JWK_MEMBERS.has(name))) return null
  const { kty, crv, x, y, alg = 'ES256', use = 'sig' } = value
  if (kty !== 'EC' || crv !== 'P-256' || alg !== 'ES256' || use !== 'sig') return null
  return is32Bytes(x) && is32Bytes(y) ? { kty, crv, x, y } : null
}

function readClaims(
  { jti, nonce = null, htm = null, htu = null, iat = null, ath = null }: JsonObject,
  rest: Pick<Proof, 'typ' | 'jwk' | 'input' | 'signature'>,
): Proof | null {
  if (!isText(jti, 512) || !(nonce === null || isText(nonce, 512))) return null
  if (!(htm === null || isText(htm, 32)) || !(htu === null || isText(htu, 4096))) return null
  if (!(iat === null || isTime(iat)) || !(ath === null || is32Bytes(ath))) return null
  if (rest.typ === 'dpop+jwt' && (htm === null || htu === null || iat === null)) return null
  return { ...rest, jti, nonce, htm, htu, iat, ath }
}

const isText = (value: unknown, most: number): value is string =>
  typeof value === 'string' && value !== '' && value.length <= most

const isTime = (value: unknown): value is number => Number.isSafeInteger(value)

const is32Bytes = (value: unknown): value is string =>
  typeof value === 'string' && value.length === 43 && decodeBase64url(value) !== null

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @throws Error unless the part is base64url of a JSON object, in which no object names a member twice */
function parseObject(part: string): JsonObject {
  const bytes = decodeBase64url(part)
  if (bytes === null) throw new TypeError('not base64url')
  const text = utf8.decode(bytes)
  // The root is a member as well. `JSON.parse` keeps the last of several members with one name.
  let kept = -1
  const value: unknown = JSON.parse(text, function (this: unknown, _, member: unknown) {
    if (!Array.isArray(this)) kept++
    return member
  })
  const written = (text.match(/"(?:[^"\\]|\\.)*"\s*:?/g) ?? []).filter((name) => name.endsWith(':'))
  if (!isObject(value) || written.length !== kept) throw new TypeError('not a JSON object')
  return value
}

/**
 * The text of a header that is a string of Structured Fields (RFC 9651 section 3.3.3), but that browsers send without quotes.
 * @returns empty for text with an opening or closing quote alone, with other characters than letters, digits, `.`, `_` and
 * `-`, and for more than 4098 characters
 */
export function unquote(value: string): string {
  if (value.length > 4098) return ''
  return /^(?:"([\w.-]+)"|([\w.-]+))$/.exec(value)?.slice(1).find(Boolean) ?? ''
}

/** What the thumbprint of a key hashes with SHA-256 (RFC 7638 section 3). */
export function thumbprintInput({ crv, kty, x, y }: PublicJwk): string {
  return JSON.stringify({ crv, kty, x, y })
}

/**
 * Whether a proof was made for a request (RFC 9449 section 4.3). Proxies may have changed the scheme, so http and https are
 * equal. Query and fragment do not count.
 * @param host the header `Host` of the request
 * @param path the path of the request, which may have a query
 */
export function matchesTarget(
  { htm, htu }: Pick<Proof, 'htm' | 'htu'>,
  method: string,
  host: string,
  path: string,
): boolean {
  if (htm !== method || htu === null || !/^https?:\/\/[^\s\\]+$/i.test(htu)) return false
  // Nothing in the host may begin a path, and nothing in the path may continue the host.
  if (!/^[^\s/\\?#@]+$/.test(host) || !path.startsWith('/')) return false
  const scheme = htu.slice(0, htu.indexOf(':') + 3)
  if (!URL.canParse(htu) || !URL.canParse(scheme + host + path)) return false
  const named = new URL(htu)
  const target = new URL(scheme + host + path)
  const isPlain = named.username === '' && named.password === ''
  return isPlain && named.host === target.host && named.pathname === target.pathname
}

/** How far the clock of a device may be off, and how long a proof may be used, in ms. */
const MAX_AGE = 300_000

/**
 * Whether a proof was made for a request with this access token, within the last five minutes by the clock of the device
 * (RFC 9449 section 7.1). The caller checks its signature, and that its key is that of the token. A proof can be repeated
 * within these minutes, because remembering each one would need a store (RFC 9449 section 11.1).
 * @param ath SHA-256 of the access token, as base64url
 * @param now in ms
 */
export function provesRequest(
  proof: Proof,
  { method, host, path }: { readonly method: string; readonly host: string; readonly path: string },
  ath: string,
  now: number,
): boolean {
  const isRecent = Math.abs(now - (proof.iat ?? 0) * 1000) <= MAX_AGE
  return isRecent && proof.ath === ath && matchesTarget(proof, method, host, path)
}
