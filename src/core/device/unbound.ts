import type { Engine } from '../engine.ts'
import type { SessionRow } from '../store.ts'

/** How long a login may stay unbound where `deviceBinding` is `require`, in ms. */
const UNBOUND_LIFETIME = 600_000

/** When a session that is not bound ends, and its last access token with it, in ms; infinity unless binding is required. */
export function unboundUntil(
  { options }: Pick<Engine, 'options'>,
  {
    device,
    actor,
    createdAt,
    authTime,
    renewals,
  }: Pick<SessionRow, 'device' | 'actor' | 'createdAt' | 'authTime' | 'renewals'>,
): number {
  if (options.deviceBinding !== 'require' || device !== null || actor !== null)
    return Number.POSITIVE_INFINITY
  // The holder of a pending reauthentication may bind the session.
  return Math.max(createdAt, authTime, ...renewals.map((renewal) => renewal.authTime)) + UNBOUND_LIFETIME
}
