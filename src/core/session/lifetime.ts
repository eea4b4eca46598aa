import type { Engine } from '../engine.ts'
import type { SessionRow } from '../store.ts'

const DAY = 86_400_000
/** The prune time may be later by this part of the retention. */
const PRUNE_SLACK = 1 / 8

export function idleTimeoutOf({ options }: Engine, row: Pick<SessionRow, 'idleTimeout'>): number {
  return row.idleTimeout ?? options.idleTimeout
}

/** The idle expiry of a session that was last used at `from`; never after the absolute expiry. */
export function idleExpiry(
  engine: Engine,
  row: Pick<SessionRow, 'idleTimeout' | 'absoluteExpiresAt'>,
  from: number,
): number {
  return Math.min(from + idleTimeoutOf(engine, row), row.absoluteExpiresAt ?? Number.POSITIVE_INFINITY)
}

/**
 * When the row of a live session may be deleted, rounded up to a whole day. A refresh token issued just before
 * `expiresAt` and not yet used is valid for another idle timeout, so the row is kept at least that long.
 *
 * The result changes about once a week: each change costs an entry in every index of the table.
 *
 * @param current the present value
 */
export function pruneTime(
  engine: Engine,
  row: Pick<SessionRow, 'idleTimeout' | 'absoluteExpiresAt'>,
  expiresAt: number,
  now: number,
  current = 0,
): number {
  const { keepEnded } = engine.options.privacy
  const last = (row.absoluteExpiresAt ?? Number.POSITIVE_INFINITY) + keepEnded
  const earliest = Math.min(expiresAt + Math.max(keepEnded, idleTimeoutOf(engine, row)), last)
  const latest = Math.ceil(Math.min(earliest + (earliest - now) * PRUNE_SLACK, last) / DAY) * DAY
  return earliest <= current && current <= latest ? current : latest
}
