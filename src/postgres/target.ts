import { InvalidOptionsError } from '../portable/errors.ts'
import { describeAddress } from './address.ts'
import { parse, SEVERAL_HOSTS } from './connection-string.ts'
import type { ClientClass } from './drivers/pg-pool.ts'
import type { PGliteLike } from './drivers/pglite.ts'
import { type PostgresJs, postgresJsAddress } from './drivers/postgres-js.ts'
import { recognize } from './drivers/recognize.ts'
import type { SqlFunction } from './drivers/sql.ts'
import type { ResolvedPostgresOptions } from './postgres-options.ts'

/** Where the statements go, for messages: never with a user or password. */
export interface Target {
  /** Host, port and database. */
  readonly where: string
  /** Once the driver is loaded, it tells where it connects: it also reads PGHOST, PGPORT and PGDATABASE. */
  useDriver(driver: ClientClass): void
  /**
   * Refuses a list of hosts that the driver has from PGHOST. The lists in options have been refused already.
   * @throws InvalidOptionsError
   */
  assertOneHost(): void
}

export function createTarget({ pool, connectionString, sql, pglite }: ResolvedPostgresOptions): Target {
  const fixed = sql !== null ? describeSql(sql) : describePGlite(pglite)
  if (fixed !== null) return { where: fixed, useDriver() {}, assertOneHost() {} }
  const config = pool === null ? { connectionString: connectionString! } : pool.options
  let driver = pool?.Client
  let where: string | null = null
  return {
    get where() {
      // A wrapped pool does not show how to connect.
      if (config === undefined) return 'the address of the given pool'
      if (driver === undefined) return describeConfig(config)
      where ??= describeWithDriver(driver, config)
      return where
    },
    useDriver(loaded) {
      driver ??= loaded
    },
    assertOneHost() {
      const address = driver === undefined || config === undefined ? null : resolveAddress(driver, config)
      if (address?.host.includes(',') === true)
        throw new InvalidOptionsError(
          pool === null ? 'connectionString' : 'pool',
          `The environment variable PGHOST ${SEVERAL_HOSTS}`,
        )
    },
  }
}

function describeWithDriver(Client: ClientClass, config: object): string {
  const address = resolveAddress(Client, config)
  return address === null
    ? describeConfig(config)
    : describeAddress(address.host, address.port, address.database)
}

/** A client that never connects resolves its address without I/O. */
function resolveAddress(
  Client: ClientClass,
  config: object,
): { host: string; port: number | string; database: string } | null {
  try {
    const client = new Client(config) as { host?: unknown; port?: unknown; database?: unknown }
    const { host, port, database } = client
    if (typeof host === 'string' && (typeof port === 'number' || typeof port === 'string'))
      return { host, port, database: String(database ?? '') }
  } catch {
    // A file that the URL names is missing, for example. The statement that follows fails with this reason.
  }
  return null
}

/** Without the driver. An unusual connection string is not shown, because it may hold a password. */
function describeConfig(config: {
  readonly connectionString?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly database?: string | undefined
}): string {
  const { connectionString } = config
  if (connectionString === undefined) {
    const { host, port = 5432, database = '' } = config
    return host === undefined ? "the driver's default address" : describeAddress(host, port, database)
  }
  const url = parse(connectionString)
  if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol) || !/^(?:\/[^/:@]*)?$/.test(url.pathname)) {
    return 'the given connection string'
  }
  return `${url.hostname || url.searchParams.get('host') || 'localhost'}:${url.port || 5432}${url.pathname}`
}

function describePGlite(pglite: PGliteLike | string | null): string | null {
  if (pglite === null) return null
  return typeof pglite === 'string' ? `the PGlite folder ${pglite}` : 'the given PGlite'
}

function describeSql(sql: SqlFunction): string {
  return recognize(sql) === 'postgresJs'
    ? postgresJsAddress(sql as unknown as PostgresJs)
    : 'the address of the given `sql`'
}
