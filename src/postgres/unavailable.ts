import { StoreUnavailableError } from '../portable/errors.ts'
import { remedyFor } from './remedies.ts'
import { serverWords } from './server-words.ts'
import { isConflict, isLoginRefused, isSqlState, sqlState } from './sqlstate.ts'

/**
 * The error for a database that cannot be used, with the words of PostgreSQL or of the network and the usual remedy.
 * @param pool the state of the pool, added to the message
 */
export function unavailable(cause: unknown, where: string, pool = ''): StoreUnavailableError {
  const message = `${whatHappened(cause, where)} (${serverWords(cause)}${pool}). ${remedyFor(cause)}`
  return new StoreUnavailableError(message, { cause })
}

function whatHappened(cause: unknown, where: string): string {
  const code = sqlState(cause) ?? ''
  if (isLoginRefused(cause)) return `PostgreSQL at ${where} refused the login`
  if (isConflict(cause))
    return `PostgreSQL at ${where} aborted every attempt because of concurrent transactions`
  if (isSqlState(code)) return `PostgreSQL at ${where} refused or ended the connection or statement`
  return `Cannot reach PostgreSQL at ${where}`
}
