import { RELEASE } from '../../portable/release.ts'
import { parse } from '../connection-string.ts'
import type { ListenClient } from '../driver.ts'
import type { ListenConfig } from '../listen-config.ts'
import type { ResolvedPostgresOptions } from '../postgres-options.ts'
import { loadPg } from './load-pg.ts'
import { CONNECT_TIMEOUT } from './own-pool.ts'
import type { ClientClass, PoolLike } from './pg-pool.ts'

/** Begins the `application_name` of connections that listen. The release follows. */
export const LISTENER_NAME = 'pawl listen'

type Config = Readonly<Record<string, unknown>>
type Address = Record<'user' | 'password' | 'host' | 'port' | 'database' | 'ssl', unknown>

/** The parameters of a URL from which the driver makes `ssl`. */
const TLS_PARAMETERS = ['ssl', 'sslmode', 'sslcert', 'sslkey', 'sslrootcert', 'sslnegotiation']

/** @returns a function that makes the client for LISTEN, or `null` when LISTEN is off or not possible */
export function listenClientOf({
  pool,
  connectionString,
  listen,
}: ResolvedPostgresOptions): (() => Promise<ListenClient>) | null {
  if (listen === false) return null
  // A wrapped pool does not show how to connect. The process then relies on polling.
  if (listen === true && pool !== null && (pool.Client === undefined || pool.options === undefined))
    return null
  const base =
    pool === null ? defined({ connectionString: connectionString ?? undefined }) : ownConfig(pool.options)
  return async () => {
    const Client = pool?.Client ?? ((await loadPg()).Client as unknown as ClientClass)
    const config = listen === true ? base : { ...explicit(Client, base), ...explicit(Client, given(listen)) }
    const settings = {
      application_name: `${LISTENER_NAME} ${RELEASE}`,
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_TIMEOUT,
    }
    return new Client({ ...config, ...settings }) as ListenClient
  }
}

/** The password is not enumerable, so the spread does not copy it. */
function ownConfig(config: PoolLike['options'] | ListenConfig): Config {
  if (config?.password === undefined) return { ...config }
  return { ...config, password: config.password }
}

function given(listen: string | ListenConfig): Config {
  return typeof listen === 'string' ? { connectionString: listen } : ownConfig(listen)
}

/**
 * Replaces a connection string by the parts that it names. The driver would let the parts that it does not name, such
 * as the password, hide those of the pool.
 */
function explicit(Client: ClientClass, config: Config): Config {
  const { connectionString, ...rest } = config
  if (typeof connectionString !== 'string') return defined(rest)
  // Never connects. It reads the URL and the files that the URL names.
  const { user, password, host, port, database, ssl } = new Client(config) as Address
  const url = parse(connectionString)
  if (url === null || url.protocol === 'socket:' || connectionString.startsWith('/'))
    return defined({ ...rest, host, database })
  const parameters = Object.fromEntries(url.searchParams)
  const names = (part: string, text: string): boolean => text !== '' || part in parameters
  return defined({
    ...rest,
    ...parameters,
    user: names('user', url.username) ? user : rest['user'],
    password: names('password', url.password) ? password : rest['password'],
    host: names('host', url.hostname) ? host : rest['host'],
    port: names('port', url.port) ? port : rest['port'],
    database: url.pathname.length > 1 ? database : rest['database'],
    ssl: TLS_PARAMETERS.some((name) => name in parameters) ? ssl : rest['ssl'],
  })
}

/** Without the parts that are not set, which would hide those of the pool. */
function defined(config: Config): Config {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined))
}
