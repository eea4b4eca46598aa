import { isIP, SocketAddress } from 'node:net'

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

/** Bounds what a client says about itself. */
export function normalizeContext(context: RequestContext | undefined): {
  ip: string | null
  userAgent: string | null
} {
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
