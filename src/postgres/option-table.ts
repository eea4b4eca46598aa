import { InvalidOptionsError } from '../portable/errors.ts'
import { check } from '../portable/options/check.ts'
import type { OptionTable, OptionValue } from '../portable/options/option.ts'
import { resolveTable } from '../portable/options/resolve-table.ts'
import { count, flag, oneOf, orNull, seconds } from '../portable/options/values.ts'
import { addressMistake, connectionStringMistake } from './connection-string.ts'
import type { PoolLike } from './drivers/pg-pool.ts'
import type { PostgresJs } from './drivers/postgres-js.ts'
import { describeGiven, recognize } from './drivers/recognize.ts'
import { checkSchemaName, SCHEMA_NAME } from './names.ts'
import { poolerMistake } from './pooler-address.ts'

/** The options of `postgres`. After a change run `npm run options`. */
export const POSTGRES_OPTIONS: OptionTable = {
  /**
   * Your `pg` Pool, or one that works like it, such as the Pool of Neon's driver. You close it: `sessions.close()` does not.
   * Give one of `pool`, `connectionString`, `sql` and `pglite`.
   * @type {PoolLike}
   */
  pool: {
    value: {
      takes: 'a `pg` Pool',
      check(option, value) {
        if (recognize(value) !== 'pool') return refuseOther(option, value, this.takes)
        checkConfig(`${option}.options`, (value as PoolLike).options)
        return value
      },
    },
  },
  /**
   * The URL of the database. Pawl then makes its own pool with the package `pg`.
   * @type {string | undefined}
   */
  connectionString: { value: connectionString() },
  /**
   * Your client of another driver: `postgres(url)` of postgres.js, or `neon(url)` of Neon's driver, which works over HTTP.
   * You close it, as a pool.
   * @type {SqlFunction}
   */
  sql: { value: sqlFunction() },
  /**
   * PostgreSQL inside this process, for development and for small applications of one process. Give the folder of its data,
   * which Pawl opens with the package `@electric-sql/pglite`, or your instance of PGlite, which you close.
   * @type {string | PGliteLike}
   */
  pglite: { value: pglite() },
  /**
   * The size of Pawl's own pool.
   * @defaultValue 10; with `serverless` 2
   */
  maxConnections: { value: count(1, 1000), default: 10 },
  /**
   * The schema of Pawl's tables. Every key derivation includes its name, so a renamed schema ends all sessions.
   */
  schema: {
    value: { takes: SCHEMA_NAME, check: checkSchemaName },
    default: 'pawl',
  },
  /**
   * Whether to LISTEN for revocations, on one connection of its own. Behind a pooler (PgBouncer, RDS Proxy) give the URL or
   * the config of the database itself. The parts that you leave out (`ssl`, user, password, …) come from `pool` or
   * `connectionString`. With `readOnly` or `serverless` Pawl does not listen.
   * @type {boolean | string | ListenConfig | undefined}
   */
  listen: { value: listenTarget(), default: true },
  /**
   * Whether to create and update the tables at the start. Set `false` if another role runs `npx pawl migrate`. With
   * `readOnly` Pawl does not migrate.
   */
  migrate: { value: flag(), default: true },
  /**
   * Whether this process only reads, from a standby for example. It verifies and lists sessions, and answers logins,
   * refreshes and logouts with 503. It neither migrates nor listens.
   */
  readOnly: { value: flag(), default: false },
  /**
   * Whether to record every sign-in and every end of a session in the table `session_audit` (docs/operate/audit.md), in the same
   * statement. Pawl keeps its rows for `retention` seconds, at least a day and by default 400 days, also after it has deleted
   * the session. `null` keeps them for ever. Give every process of the installation the same value. Citus does not support it.
   * @type {boolean | { readonly retention?: number | null }}
   * @defaultValue false
   */
  audit: { value: auditing() },
  /** Whether to record in the audit if it holds rows: the command line does. */
  followAudit: { value: flag(), default: false, internal: true },
  /**
   * The version of the UUIDs that name sessions. `v7` keeps new rows together; choose `v4` for an engine that
   * shards by key range.
   * @type {SessionIdVersion}
   */
  sessionIdVersion: {
    value: oneOf('v7', 'v4'),
    default: 'v7',
  },
}

/** Its own sentence, because the driver that was given is often right and only the option wrong. */
function refuseOther(option: string, value: unknown, takes: string): never {
  throw new InvalidOptionsError(option, `option \`${option}\` got ${describeGiven(value)}; it takes ${takes}`)
}

function sqlFunction(): OptionValue {
  const takes = "a client of postgres.js, or Neon's HTTP function `neon(url)`"
  return {
    takes,
    check(option, value) {
      const kind = recognize(value)
      if (kind === 'neonHttp') return value
      // As of Bun 1.4 it turns the text of a `jsonb` parameter into a JSON string.
      if (kind === 'bun')
        throw new InvalidOptionsError(
          option,
          `option \`${option}\` got Bun's SQL, which encodes JSON a second time. In Bun use the package \`pg\` or postgres.js`,
        )
      if (kind !== 'postgresJs') return refuseOther(option, value, takes)
      if ((value as PostgresJs).options.transform.row?.from !== undefined)
        throw new InvalidOptionsError(
          option,
          `option \`${option}\` has a \`transform.row\`, which changes the rows that Pawl reads. Give Pawl a client of its own, without it.`,
        )
      return value
    },
  }
}

function pglite(): OptionValue {
  const takes = 'the path of a folder, or an instance of PGlite'
  return {
    takes,
    check(option, value) {
      if (typeof value !== 'string')
        return recognize(value) === 'pglite' ? value : refuseOther(option, value, takes)
      if (value === '') return check.fail(option, value, takes)
      const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(value)?.[1]
      if (scheme !== undefined)
        throw new InvalidOptionsError(
          option,
          `option \`${option}\` got a URL that begins with ${scheme.slice(0, 32)}://; it takes ${takes}. A URL of PostgreSQL is for the option \`connectionString\`. For a database in memory, give \`new PGlite()\``,
        )
      return value
    },
  }
}

function connectionString(): OptionValue {
  const takes = 'a PostgreSQL URL'
  return {
    takes,
    check(option, value) {
      if (typeof value !== 'string' || value === '') return check.fail(option, value, takes)
      checkConnectionString(option, value)
      return value
    },
  }
}

function listenTarget(): OptionValue {
  const takes = 'true, false, or the URL or `pg` Client config of the database behind the pooler'
  return {
    takes,
    check(option, value) {
      const isConfig = typeof value === 'object' && value !== null && !Array.isArray(value)
      if (typeof value !== 'boolean' && !isConfig && (typeof value !== 'string' || value === ''))
        return check.fail(option, value, takes)
      if (isConfig) checkConfig(option, value)
      else checkConnectionString(option, value)
      if (typeof value !== 'boolean') refuse(option, poolerMistake(value))
      return value
    },
  }
}

/** How long the audit keeps its rows, in seconds. At least a day. */
const RETENTION = { value: orNull(seconds(86_400, 3650 * 86_400)), default: 400 * 86_400 }

function auditing(): OptionValue {
  const takes = 'true, false or `{ retention: 34_560_000 }`'
  return {
    takes,
    check(option, value) {
      if (value === false) return null
      if (value !== true && (typeof value !== 'object' || value === null || Array.isArray(value)))
        return check.fail(option, value, takes)
      return resolveTable({ retention: RETENTION }, value === true ? {} : value, option)
    },
  }
}

/** @throws InvalidOptionsError */
function checkConfig(option: string, config: object = {}): void {
  refuse(option, addressMistake(config as Readonly<Record<string, unknown>>))
  checkConnectionString(option, (config as { connectionString?: unknown }).connectionString)
}

/** @throws InvalidOptionsError without the string, which may hold a password */
function checkConnectionString(option: string, text: unknown): void {
  refuse(option, typeof text === 'string' ? connectionStringMistake(text) : null)
}

function refuse(option: string, mistake: string | null): void {
  if (mistake !== null) throw new InvalidOptionsError(option, `option \`${option}\` ${mistake}`)
}
