/** SQLSTATE codes Pawl acts on. Always the code, never a message or a constraint's name. */

/**
 * The connection is gone or the server is, it has run out of something, or a statement took longer than it
 * may: nothing was decided, or the outcome is unknown.
 */
const UNAVAILABLE = /^(?:08...|53...|57P0.|57014|25006)$/
/** The statement lost against another and may simply be repeated. */
const CONFLICT = new Set(['40001', '40P01', '55P03', '40003'])
/** A statement that another process's identical migration got to first. */
const ALREADY_THERE = new Set(['23505', '42P07', '42710', '42P06', '42701'])
/** The pooler between us hands out a connection that knows, or does not know, the prepared statement. */
const PREPARED_REFUSED = new Set(['42P05', '26000'])
/** Engines that speak PostgreSQL and lack a part of it. */
const UNSUPPORTED = new Set(['0A000', '42601', '42883'])
const UNDEFINED_TABLE = new Set(['42P01', '3F000'])

export function sqlState(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : null
}

/** The database was not reached, or went away. Drivers report some of these without any code. */
export function isConnectionError(error: unknown): boolean {
  const code = sqlState(error)
  if (code === 'XX000') return /server closed the connection/.test(String((error as Error).message))
  if (code !== null && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code)) return UNAVAILABLE.test(code)
  // What is no SQLSTATE comes from the socket or from TLS, but for mistakes in a program.
  if (code !== null && /^ERR_(?!TLS|SSL|SOCKET|STREAM)/.test(code)) return false
  return error instanceof Error && !(error instanceof TypeError) && !(error instanceof RangeError)
}

export function isConflict(error: unknown): boolean {
  return CONFLICT.has(sqlState(error) ?? '')
}

export function isAlreadyThere(error: unknown): boolean {
  return ALREADY_THERE.has(sqlState(error) ?? '')
}

export function isPreparedRefused(error: unknown): boolean {
  return PREPARED_REFUSED.has(sqlState(error) ?? '')
}

/** The server is there and does not let us in: a wrong password, user or database name. */
export function isRefused(error: unknown): boolean {
  return /^(?:28...|3D000)$/.test(sqlState(error) ?? '')
}

export function isForbidden(error: unknown): boolean {
  return sqlState(error) === '42501'
}

/** The table does not exist, or its schema does not. */
export function isUndefinedTable(error: unknown): boolean {
  return UNDEFINED_TABLE.has(sqlState(error) ?? '')
}

export function isUnsupported(error: unknown): boolean {
  return UNSUPPORTED.has(sqlState(error) ?? '')
}
