import { isSqlState, sqlState } from '../portable/sql-state.ts'

export { isSqlState, sqlState }

/** The SQLSTATE codes Pawl acts on. Always the code, never a message or the name of a constraint. */

/** The connection or the server is gone, a resource ran out or a statement timed out. The outcome may be unknown. */
const UNAVAILABLE = /^(?:08...|53...|57P0.|57014|25006)$/
/** The statement lost against a concurrent transaction and may be repeated. */
const CONFLICT = new Set(['40001', '40P01', '55P03', '40003'])
/** Another process created the same object first. */
const ALREADY_EXISTS = new Set(['23505', '42P07', '42710', '42P06', '42701'])
/** The pooler gave us a connection whose prepared statements are not ours. */
const PREPARED_REFUSED = new Set(['42P05', '26000'])
/** Engines that speak PostgreSQL's protocol and lack a feature. */
const UNSUPPORTED = new Set(['0A000', '42601', '42883'])
/** What a server answers that has lost another one, to which it passes statements on. */
const OTHER_SERVER = /^(?:08...|XX000|57P0.)$/
/** `feature_not_supported`. Also the answer to a prepared statement whose columns have changed their types. */
const PLAN_OUTDATED = '0A000'
/** What a mistake in a program throws. */
const BUGS = [TypeError, RangeError, ReferenceError, SyntaxError, URIError, EvalError]
const UNDEFINED_TABLE = new Set(['42P01', '3F000'])
const INTERNAL_ERROR = 'XX000'
const FORBIDDEN = '42501'
const PROTOCOL_VIOLATION = '08P01'

/** Pawl could not reach the database, or lost it. Drivers report some of these errors without a code. */
export function isConnectionError(error: unknown): boolean {
  const code = sqlState(error)
  if (code === INTERNAL_ERROR) return /server closed the connection/.test(String((error as Error).message))
  if (code !== null && isSqlState(code)) return UNAVAILABLE.test(code)
  // Other codes come from the socket or from TLS, except those of programming mistakes.
  if (code !== null && /^ERR_(?!TLS|SSL|SOCKET|STREAM)/.test(code)) return false
  return error instanceof Error && !BUGS.some((kind) => error instanceof kind)
}

/**
 * One node of a distributed engine is away: the server itself answers, and statements for other rows may succeed. A
 * failure of the network or of the server, an overload and a conflict are none of this.
 */
export function isNodeAway(error: unknown): boolean {
  const code = sqlState(error) ?? ''
  const { severity } = (error ?? {}) as { severity?: unknown }
  if (!OTHER_SERVER.test(code) || severity === 'FATAL' || severity === 'PANIC') return false
  // A server that ends its own connections says so with FATAL.
  return !code.startsWith('57') || severity === 'ERROR'
}

export function isConflict(error: unknown): boolean {
  return CONFLICT.has(sqlState(error) ?? '')
}

/** A concurrent `create … if not exists` of the same object failed this one. */
export function isConcurrentCreation(error: unknown): boolean {
  const code = sqlState(error) ?? ''
  return ALREADY_EXISTS.has(code) || CONFLICT.has(code) || code === INTERNAL_ERROR
}

export function isPreparedRefused(error: unknown): boolean {
  return PREPARED_REFUSED.has(sqlState(error) ?? '')
}

/**
 * The answer to BEGIN says that no transaction is possible: PgBouncer does in statement mode. It has one code for
 * everything that it refuses, outages too.
 */
export function isTransactionRefused(error: unknown): boolean {
  const code = sqlState(error) ?? ''
  return code === PROTOCOL_VIOLATION || (isSqlState(code) && !isConnectionError(error) && !isConflict(error))
}

/** A column has changed its type, so the server refuses the statements that were prepared before. */
export function isPlanOutdated(error: unknown): boolean {
  return sqlState(error) === PLAN_OUTDATED
}

/** The server refuses the login: wrong password, user or database name. */
export function isLoginRefused(error: unknown): boolean {
  return /^(?:28...|3D000)$/.test(sqlState(error) ?? '')
}

/** The role lacks a privilege; true also for the error by which Pawl reports it. */
export function isForbidden(error: unknown): boolean {
  return sqlState(error) === FORBIDDEN || sqlState((error as Error | null)?.cause) === FORBIDDEN
}

/** The table or its schema does not exist. */
export function isUndefinedTable(error: unknown): boolean {
  return UNDEFINED_TABLE.has(sqlState(error) ?? '')
}

export function isUnsupported(error: unknown): boolean {
  return UNSUPPORTED.has(sqlState(error) ?? '')
}
