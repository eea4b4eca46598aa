/** `host:port/database` of a client. A socket is a file in the folder `host`. */
export function describeAddress(host: string, port: number | string, database: string): string {
  if (host.startsWith('/')) return `${host}/.s.PGSQL.${port}${database && ` (database ${database})`}`
  return `${host.includes(':') ? `[${host}]` : host}:${port}${database && `/${database}`}`
}
