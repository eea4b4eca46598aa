import { sqlState } from './sqlstate.ts'

/** Codes that Node.js gives to errors of a socket or of name resolution. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENOENT: 'no such socket',
  ENOTFOUND: 'unknown host',
  ETIMEDOUT: 'timed out',
}

/** Why the network could not reach the server, or `null` for an error of another kind. */
export function networkReason(error: unknown): string | null {
  return REASONS[sqlState(error) ?? ''] ?? null
}
