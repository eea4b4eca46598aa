import { StoreUnavailableError } from '../portable/errors.ts'
import { describeConnectionError, isConflict, isLoginRefused, sqlState } from './sqlstate.ts'

/** @param pool the state of the pool, added to the message */
export function unavailable(cause: unknown, where: string, pool = ''): StoreUnavailableError {
  return new StoreUnavailableError(describe(cause, where, pool), { cause })
}

function describe(cause: unknown, where: string, pool: string): string {
  if (isLoginRefused(cause))
    return `PostgreSQL at ${where} refused the login (${(cause as Error).message}). Check the user, password and database in DATABASE_URL.`
  if (isConflict(cause))
    return `PostgreSQL at ${where} aborted every attempt because of concurrent transactions (${sqlState(cause)}). Check for long transactions on Pawl's tables.`
  return `Cannot reach PostgreSQL at ${where} (${describeConnectionError(cause)}${pool}). Check DATABASE_URL and that the server is running.`
}
