import type { Engine } from '../engine.ts'
import type { SessionRow } from '../store.ts'

const DAY = 86_400_000

export function idleTimeoutOf({ options }: Engine, row: Pick<SessionRow, 'idleTimeout'>): number {
  return row.idleTimeout ?? options.idleTimeout
}

/** Idle expiry from `from` on; never past the absolute expiry. */
export function idleExpiry(
  engine: Engine,
  row: Pick<SessionRow, 'idleTimeout' | 'absoluteExpiresAt'>,
  from: number,
): number {
  return Math.min(from + idleTimeoutOf(engine, row), row.absoluteExpiresAt ?? Number.POSITIVE_INFINITY)
}

/**
 * When the row of a live session may be deleted: a whole day. A refresh token issued just before `expiresAt`
 * and not yet seen in use is good for another idle timeout, so the row stays at least that long.
 *
 * And up to an eighth longer: raised with each turn, or on each day, it would cost an entry of every index,
 * which a turn does without. By default it is raised about once a week.
 *
 * @param now from when the row is kept
 * @param before what it was until now
 */
export function pruneTime(
  engine: Engine,
  row: Pick<SessionRow, 'idleTimeout' | 'absoluteExpiresAt'>,
  expiresAt: number,
  now: number,
  before = 0,
): number {
  const { keepEnded } = engine.options.privacy
  const last = (row.absoluteExpiresAt ?? Number.POSITIVE_INFINITY) + keepEnded
  const least = Math.min(expiresAt + Math.max(keepEnded, idleTimeoutOf(engine, row)), last)
  const most = Math.ceil(Math.min(least + (least - now) / 8, last) / DAY) * DAY
  return least <= before && before <= most ? before : most
}
