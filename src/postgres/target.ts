import type { ResolvedPostgresOptions } from './postgres-options.ts'

/** Host, port and database for messages. An unusual connection string is not shown, because it may hold a password. */
export function describeTarget({ pool, connectionString }: ResolvedPostgresOptions): string {
  const text = connectionString ?? pool?.options?.connectionString
  if (text === undefined) {
    const { host = 'localhost', port = 5432, database = '' } = pool?.options ?? {}
    return `${host}:${port}/${database}`
  }
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol) || !/^(?:\/[^/:@]*)?$/.test(url.pathname)) {
    return 'the given connection string'
  }
  return `${url.hostname || url.searchParams.get('host') || 'localhost'}:${url.port || 5432}${url.pathname}`
}
