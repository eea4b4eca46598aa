import { check } from '../portable/options/check.ts'
import type { OptionTable, OptionValue } from '../portable/options/option.ts'
import { count, flag, oneOf } from '../portable/options/values.ts'
import { checkSchemaName, SCHEMA_NAME } from './names.ts'

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
        return isPool ? value : check.fail(option, value, this.takes)
      },
    },
  },
  /** Where to connect, instead of `pool`. Pawl then makes its own pool with the package `pg`. */
  connectionString: { value: nonEmpty('a PostgreSQL URL') },
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
   * Whether to LISTEN for revocations, on one connection of its own. Behind a pooler (PgBouncer, RDS Proxy)
   * give the URL of the database itself.
   * @type {boolean | string}
   */
  listen: { value: listenTarget(), default: true },
  /**
   * Whether to create and update the tables at start. Set `false` if another role runs `npx pawl migrate`.
   */
  migrate: { value: flag(), default: true },
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

function nonEmpty(takes: string): OptionValue {
  return {
    takes,
    check: (option, value) =>
      typeof value === 'string' && value !== '' ? value : check.fail(option, value, takes),
  }
}

function listenTarget(): OptionValue {
  const takes = 'true, false, or the URL of the database behind the pooler'
  return {
    takes,
    check(option, value) {
      const isTarget = typeof value === 'boolean' || (typeof value === 'string' && value !== '')
      return isTarget ? value : check.fail(option, value, takes)
    },
  }
}
