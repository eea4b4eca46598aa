import { isIP } from 'node:net'

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
  // IPv4 over a dual-stack socket, and the zone of a link-local address, which `inet` cannot hold.
  const plain = ip.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
  return isIP(plain) === 0 ? null : plain
}

function normalizeUserAgent(userAgent: unknown): string | null {
  if (typeof userAgent !== 'string' || userAgent === '') return null
  // Header bytes arrive as Latin-1; NUL cannot be stored.
  return userAgent.slice(0, MAX_USER_AGENT).replaceAll('\0', '')
}
