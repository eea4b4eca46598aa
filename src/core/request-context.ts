import { createHmac } from 'node:crypto'
import { isIP } from 'node:net'
import { canonicalIPv6, parseClientAddress } from './client-address.ts'
import type { Secret } from './keys/secrets.ts'

/** The client of a request. Pawl stores it with a login and with turns, never by an extra write. */
export interface RequestContext {
  /**
   * The address of the client. Pawl also reads an address with a port, and the first entry of `X-Forwarded-For` or
   * `Forwarded`. Any other text counts as unknown.
   * @defaultValue unknown
   */
  readonly ip?: string | undefined
  /** The header `User-Agent`. Pawl stores its first 256 characters. @defaultValue unknown */
  readonly userAgent?: string | undefined
}

/** A proof of possession in the header `DPoP` of a request (RFC 9449 section 4). */
export interface RequestProof {
  /** The value of the header. */
  readonly value: string
  /** The method of the request. */
  readonly method: string
  /** The URL of the request, as the client sees it. Pawl ignores its query. */
  readonly url: string
}

/** The request that {@link Sessions.refresh} answers. */
export interface RefreshContext extends RequestContext {
  /** When the request arrived, in milliseconds since the epoch. @defaultValue now */
  readonly arrivedAt?: number | undefined
  /** A signal that aborts when the client disconnects. Pawl then throws `TryAgainError` and ends no session. */
  readonly signal?: Pick<AbortSignal, 'aborted'> | undefined
  /** The proof of a client whose session is bound to a key (`deviceBinding`). @defaultValue none */
  readonly proof?: RequestProof | undefined
  /** @internal What {@link proof} proves: `webcrypto` in cookie mode. */
  readonly proofKind?: 'webcrypto' | 'native' | undefined
  /** @internal Whether the client is asked for a proof if it lacks one. */
  readonly provesNext?: boolean | undefined
  /** @internal The values of the device cookie. */
  readonly deviceCookies?: readonly string[] | undefined
}

const MAX_USER_AGENT = 256
const TAG_BYTES = 6

/** A {@link RequestContext} with bounded lengths and one spelling for each address. */
export interface NormalContext {
  /** The address of the client; `null` if it is not known. */
  readonly ip: string | null
  /** The header `User-Agent`, 256 characters at most; `null` if it is not known. */
  readonly userAgent: string | null
}

/** Normalizes the address and truncates the user agent, because both come from the client. */
export function normalizeContext(context: RequestContext | undefined): NormalContext {
  return { ip: parseClientAddress(context?.ip), userAgent: normalizeUserAgent(context?.userAgent) }
}

function normalizeUserAgent(userAgent: unknown): string | null {
  if (typeof userAgent !== 'string' || userAgent === '') return null
  // PostgreSQL cannot store NUL, nor half a surrogate pair, which truncation may leave.
  return userAgent.slice(0, MAX_USER_AGENT).replaceAll('\0', '').toWellFormed()
}

/** The part of a context that the options `privacy.ip` and `privacy.userAgent` allow in a row. */
export function recordable(
  { ip, userAgent }: NormalContext,
  privacy: { readonly ip: 'full' | 'network' | 'none'; readonly userAgent: boolean },
): NormalContext {
  const kept = privacy.ip === 'network' && ip !== null ? networkOf(ip) : ip
  return { ip: privacy.ip === 'none' ? null : kept, userAgent: privacy.userAgent ? userAgent : null }
}

/** The first address of the /24 or /48 network, which usually identifies an organization or a household. */
function networkOf(ip: string): string {
  if (isIP(ip) === 4) return ip.replace(/\d+$/, '0')
  const [head = ''] = ip.split('::')
  const groups = [...head.split(':'), '0', '0', '0'].map((group) => group || '0')
  return canonicalIPv6(`${groups.slice(0, 3).join(':')}::`)
}

/**
 * A truncated MAC each of the address and the user agent. It detects changes without revealing them to anybody who
 * lacks the secret.
 * @returns null when neither is known
 */
export function contextTag(
  secret: Secret,
  sessionId: string,
  { ip, userAgent }: NormalContext,
): string | null {
  if (ip === null && userAgent === null) return null
  const tag = (kind: string, value: string | null): string =>
    value === null
      ? ''
      : createHmac('sha256', secret.context)
          .update(JSON.stringify([sessionId, kind, value]))
          .digest()
          .toString('base64url', 0, TAG_BYTES)
  return `${tag('ip', ip)}.${tag('userAgent', userAgent)}`
}

/** Compares two tags; a part that one of them lacks counts as equal. */
export function sameContext(one: string, other: string): boolean {
  const [ip = '', userAgent = ''] = one.split('.')
  const [otherIp = '', otherUserAgent = ''] = other.split('.')
  const agree = (a: string, b: string): boolean => a === '' || b === '' || a === b
  return agree(ip, otherIp) && agree(userAgent, otherUserAgent)
}
