/** The `code` of an error: an SQLSTATE if the server answered, otherwise a code of the network or of Node.js. */
export function sqlState(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : null
}

/** Whether a code comes from the server. Codes such as `EPIPE` come from the network. */
export function isSqlState(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code)
}
