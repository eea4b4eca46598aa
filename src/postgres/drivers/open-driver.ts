import { InvalidOptionsError } from '../../portable/errors.ts'
import { check } from '../../portable/options/check.ts'
import type { Driver } from '../driver.ts'
import type { PostgresOptions, ResolvedPostgresOptions } from '../postgres-options.ts'
import type { Target } from '../target.ts'
import { listenClientOf } from './listen-client.ts'
import { type NeonHttp, neonHttpDriver } from './neon-http.ts'
import { createOwnPool } from './own-pool.ts'
import { pgDriver } from './pg.ts'
import { pgliteDriver } from './pglite.ts'
import { type PostgresJs, postgresJsDriver } from './postgres-js.ts'
import { recognize } from './recognize.ts'
import { shareListenClient } from './shared-listen-client.ts'
import type { SqlFunction } from './sql.ts'

/** The options that say where the sessions are. */
const DATABASES = ['pool', 'connectionString', 'sql', 'pglite'] as const

/**
 * @param written the options as the application wrote them
 * @throws InvalidOptionsError unless exactly one option names the database
 */
export function assertOneDatabase(given: ResolvedPostgresOptions, written: PostgresOptions): void {
  const [option, other] = DATABASES.filter((name) => given[name] !== null)
  if (option === undefined) refuseNone(written)
  if (other !== undefined)
    throw new InvalidOptionsError(
      option,
      `the options \`${option}\` and \`${other}\` name two databases: give one of them`,
    )
  if (option === 'pglite' && typeof given.listen !== 'boolean')
    check.fail('listen', given.listen, '`true` or `false` with `pglite`: it has no other address')
}

/** Names the option that the application wrote: its value is often a variable of the environment that is not set. */
function refuseNone(written: PostgresOptions): never {
  const option = DATABASES.find((name) => Object.hasOwn(written, name) && name !== 'pool') ?? 'pool'
  const remedy =
    option === 'pool'
      ? 'it takes a `pg` Pool, unless you give `connectionString`, `sql` or `pglite`'
      : 'if it comes from the environment, check that the variable is set, such as DATABASE_URL'
  throw new InvalidOptionsError(option, `option \`${option}\` got undefined; ${remedy}`)
}

/**
 * The driver that the options name.
 * @param poolSize how many connections Pawl's own pool has, asked with the first statement
 * @param onIdleError called when Pawl's own pool lost an idle connection
 */
export function openDriver(
  given: ResolvedPostgresOptions,
  poolSize: () => number,
  target: Target,
  onIdleError: () => void,
): Driver {
  const { pool, connectionString, sql, pglite } = given
  if (pglite !== null) return pgliteDriver(pglite, given.listen === true && !given.readOnly)
  if (sql !== null) {
    const driver = sqlDriver(sql)
    // Another address for LISTEN is always reached through `pg`.
    const isOwn = given.listen === true && !given.readOnly
    return isOwn ? driver : { ...driver, openListenClient: sharedListenClient(given) }
  }
  const openListenClient = sharedListenClient(given)
  if (pool !== null) return pgDriver(pool, { openListenClient, close: async () => {} })
  const own = createOwnPool(connectionString!, poolSize, target, onIdleError)
  return pgDriver(own, { openListenClient, close: () => own.end() })
}

function sqlDriver(sql: SqlFunction): Driver {
  return recognize(sql) === 'neonHttp'
    ? neonHttpDriver(sql as unknown as NeonHttp)
    : postgresJsDriver(sql as unknown as PostgresJs)
}

/** Stores of one pool, or of one connection string, share a connection if `listen` is the same. */
function sharedListenClient(given: ResolvedPostgresOptions): Driver['openListenClient'] {
  const open = given.readOnly ? null : listenClientOf(given)
  if (open === null) return null
  const { pool, connectionString, sql, listen } = given
  return shareListenClient(
    open,
    pool ?? sql ?? connectionString!,
    typeof listen === 'boolean' ? null : listen,
  )
}
