import { createHmac } from 'node:crypto'
import { isIP, SocketAddress } from 'node:net'
import type { Secret } from './keys/secrets.ts'

/** Where a request came from. Recorded at creation and with turns, never with a write of its own. */
export interface RequestContext {
  readonly ip?: string | undefined
  readonly userAgent?: string | undefined
}

/** What a refresh may know of its request besides. */
export interface RefreshContext extends RequestContext {
  /** When the request arrived, ms since the epoch. @defaultValue now */
  readonly arrivedAt?: number | undefined
  /** Aborted when the client has gone: then nothing is decided against it. */
  readonly signal?: Pick<AbortSignal, 'aborted'> | undefined
}

const MAX_USER_AGENT = 256

/** The same, bounded and in one spelling. */
export interface NormalContext {
  readonly ip: string | null
  readonly userAgent: string | null
}

/** Bounds what a client says about itself. */
export function normalizeContext(context: RequestContext | undefined): NormalContext {
  return { ip: normalizeIp(context?.ip), userAgent: normalizeUserAgent(context?.userAgent) }
}

function normalizeIp(ip: unknown): string | null {
  if (typeof ip !== 'string' || ip.length > 64) return null
  // The zone of a link-local address is nothing `inet` can hold.
  const plain = ip.replace(/%.*$/, '')
  if (isIP(plain) !== 6) return isIP(plain) === 0 ? null : plain
  // One address, one spelling, which is also the one PostgreSQL answers; IPv4 over a dual-stack socket is IPv4.
  return new SocketAddress({ address: plain, family: 'ipv6' }).address.replace(/^::ffff:(?=\d+\.)/, '')
}

function normalizeUserAgent(userAgent: unknown): string | null {
  if (typeof userAgent !== 'string' || userAgent === '') return null
  // NUL cannot be stored, nor can the half of a surrogate pair that a cut leaves.
  return userAgent.slice(0, MAX_USER_AGENT).replaceAll('\0', '').toWellFormed()
}

/** The part of a context that a row may keep, by the options `privacy.ip` and `privacy.userAgent`. */
export function recordable(
  { ip, userAgent }: NormalContext,
  privacy: { readonly ip: 'full' | 'network' | 'none'; readonly userAgent: boolean },
): NormalContext {
  const kept = privacy.ip === 'network' && ip !== null ? networkOf(ip) : ip
  return { ip: privacy.ip === 'none' ? null : kept, userAgent: privacy.userAgent ? userAgent : null }
}

/** The first address of the /24 or /48 it is in: usually an organization or a household, not a device. */
function networkOf(ip: string): string {
  if (isIP(ip) === 4) return ip.replace(/\d+$/, '0')
  const [head = ''] = ip.split('::')
  const groups = [...head.split(':'), '0', '0', '0'].map((group) => group || '0')
  return new SocketAddress({ address: `${groups.slice(0, 3).join(':')}::`, family: 'ipv6' }).address
}

/** Six bytes each that tell one address or user agent from another, and what they are only to those who have the secret. */
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

/** Whether two tags agree in what both of them know. */
export function sameContext(one: string, other: string): boolean {
  const [ip = '', userAgent = ''] = one.split('.')
  const [otherIp = '', otherUserAgent = ''] = other.split('.')
  const agree = (a: string, b: string): boolean => a === '' || b === '' || a === b
  return agree(ip, otherIp) && agree(userAgent, otherUserAgent)
}

const TAG_BYTES = 6
