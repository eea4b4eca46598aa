import { StoreUnavailableError } from '../../portable/errors.ts'
import { isSqlState, sqlState } from '../../portable/sql-state.ts'
import type { Events } from './events.ts'
import type { BackgroundOperation } from './session-events.ts'

/**
 * Reports an error of background work. An outage and an answer of the database are the database's matter. Everything
 * else is a bug, which must not be taken for an outage: it does not pass by itself.
 */
export function reportBackgroundError(
  events: Pick<Events, 'emit'>,
  operation: BackgroundOperation,
  error: unknown,
): void {
  if (!isOfDatabase(error)) events.emit('backgroundFailed', { operation, error })
  // The next measurement corrects the clock, and other operations report the outage.
  else if (operation !== 'clock') events.emit('storeUnavailable', { operation, error })
}

function isOfDatabase(error: unknown): boolean {
  return error instanceof StoreUnavailableError || isSqlState(sqlState(error) ?? '')
}
