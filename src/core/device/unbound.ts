import type { Engine } from '../engine.ts'
import type { SessionRow } from '../store.ts'

/** How long a login may stay unbound where `deviceBinding` is `require`, in ms. */
const UNBOUND_LIFETIME = 600_000

/** When a session that is not bound ends, and its last access token with it, in ms; infinity unless binding is required. */
export function unboundUntil(
  { options }: Pick<Engine, 'options'>,
  { device, actor, createdAt, authTime }: Pick<SessionRow, 'device' | 'actor' | 'createdAt' | 'authTime'>,
): number {
  if (options.deviceBinding !== 'require' || device !== null || actor !== null)
    return Number.POSITIVE_INFINITY
  return Math.max(createdAt, authTime) + UNBOUND_LIFETIME
}
