import { parse } from './connection-string.ts'

/** Where an option leads to. */
interface Address {
  readonly host?: unknown
  readonly port?: unknown
  readonly connectionString?: unknown
}

/**
 * Finds an address of a pooler in transaction mode, where LISTEN succeeds and delivers nothing.
 * @returns the end of a sentence that begins with the name of the option; `null` if the address shows no pooler
 */
export function poolerMistake(given: string | Address): string | null {
  const { connectionString, ...config } = typeof given === 'string' ? { connectionString: given } : given
  const url = typeof connectionString === 'string' ? parse(connectionString) : null
  const host = String(config.host ?? url?.hostname ?? '')
  const port = String(config.port ?? url?.port ?? '')
  if (/^ep-[^.]*-pooler\./.test(host))
    return 'names the pooler of Neon, through which LISTEN delivers nothing. Take the direct host, without `-pooler`.'
  if (port === '6543' && /\.supabase\.com?$/.test(host))
    return 'names the transaction pooler of Supabase, through which LISTEN delivers nothing. Take the direct connection or the session pooler, on port 5432.'
  if (url?.searchParams.get('pgbouncer') === 'true')
    return 'has `pgbouncer=true`: LISTEN delivers nothing through such a pooler. Give the address of the database itself.'
  return null
}
