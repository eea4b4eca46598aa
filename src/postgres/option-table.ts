import { InvalidOptionsError } from '../portable/errors.ts'
import { check } from '../portable/options/check.ts'
import type { OptionTable, OptionValue } from '../portable/options/option.ts'
import { count, flag, oneOf } from '../portable/options/values.ts'
import { addressMistake, connectionStringMistake } from './connection-string.ts'
import type { PoolLike } from './driver.ts'
import { checkSchemaName, SCHEMA_NAME } from './names.ts'
import { poolerMistake } from './pooler-address.ts'

/** The options of `postgres`. After a change run `npm run options`. */
export const POSTGRES_OPTIONS: OptionTable = {
  /**
   * Your `pg` Pool. It stays yours: closing the sessions does not end it.
   * @type {PoolLike}
   * @defaultValue this or `connectionString` is required
   */
  pool: {
    value: {
      takes: 'a `pg` Pool',
      check(option, value) {
        const isPool = typeof (value as { connect?: unknown } | null)?.connect === 'function'
        if (!isPool) return check.fail(option, value, this.takes)
        checkConfig(`${option}.options`, (value as PoolLike).options)
        return value
      },
    },
  },
  /** Where to connect, instead of `pool`. Pawl then makes its own pool with the package `pg`. */
  connectionString: { value: connectionString() },
  /** Size of Pawl's own pool. */
  maxConnections: { value: count(1, 1000), default: 10 },
  /**
   * The schema of Pawl's tables. Every key derivation includes it, so renaming the schema ends all sessions.
   */
  schema: {
    value: { takes: SCHEMA_NAME, check: checkSchemaName },
    default: 'pawl',
  },
  /**
   * Whether to LISTEN for revocations, on one connection of its own, unless `readOnly`. Behind a pooler (PgBouncer, RDS Proxy)
   * say how to reach the database itself. The parts that you leave out (`ssl`, user, password, …) come from `pool` or
   * `connectionString`.
   * @type {boolean | string | ListenConfig}
   */
  listen: { value: listenTarget(), default: true },
  /**
   * Whether to create and update the tables at start, unless `readOnly`. Set `false` if another role runs
   * `npx pawl migrate`.
   */
  migrate: { value: flag(), default: true },
  /**
   * Whether this process only reads, from a standby for example. It verifies and lists sessions, and answers 503 to logins,
   * refreshes and logouts. It neither migrates nor listens.
   */
  readOnly: { value: flag(), default: false },
  /**
   * Version of the UUIDs that name sessions. `v7` keeps new rows together; choose `v4` for an engine that
   * shards by key range.
   * @type {SessionIdVersion}
   */
  sessionIdVersion: {
    value: oneOf('v7', 'v4'),
    default: 'v7',
  },
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
