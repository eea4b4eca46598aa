import { check } from '../portable/options/check.ts'
import type { OptionTable } from '../portable/options/table.ts'
import { count, flag, type OptionValue, oneOf } from '../portable/options/values.ts'
import { checkSchemaName, SCHEMA_NAME } from './names.ts'

/** The options of `postgres`. After a change run `npm run options`. */
export const POSTGRES_OPTIONS: OptionTable = {
  pool: {
    meaning: 'Your `pg` Pool. It stays yours: closing the sessions does not end it.',
    value: {
      type: 'PoolLike',
      takes: 'a `pg` Pool',
      check(option, value) {
        const isPool = typeof (value as { connect?: unknown } | null)?.connect === 'function'
        return isPool ? value : check.fail(option, value, this.takes)
      },
    },
    defaultText: 'this or `connectionString` is required',
  },
  connectionString: {
    meaning: 'Where to connect, instead of `pool`. Pawl then makes its own pool with the package `pg`.',
    value: nonEmpty('a PostgreSQL URL'),
    defaultText: 'none',
  },
  maxConnections: {
    meaning: "Size of Pawl's own pool.",
    value: count(1, 1000),
    default: 10,
  },
  schema: {
    meaning:
      "The schema of Pawl's tables. Every key derivation includes it, so renaming the schema ends all sessions.",
    value: { type: 'string', takes: SCHEMA_NAME, check: checkSchemaName },
    default: 'pawl',
  },
  listen: {
    meaning:
      'Whether to LISTEN for revocations, on one connection of its own. Behind a pooler (PgBouncer, RDS Proxy) give the URL of the database itself.',
    value: listenTarget(),
    default: true,
  },
  migrate: {
    meaning:
      'Whether to create and update the tables at start. Set `false` if another role runs `npx pawl migrate`.',
    value: flag(),
    default: true,
  },
  sessionIdVersion: {
    meaning:
      'Version of the UUIDs that name sessions. `v7` keeps new rows together; choose `v4` for an engine that shards by key range.',
    value: { ...oneOf('v7', 'v4'), type: 'SessionIdVersion' },
    default: 'v7',
  },
}

function nonEmpty(takes: string): OptionValue {
  return {
    type: 'string',
    takes,
    check: (option, value) =>
      typeof value === 'string' && value !== '' ? value : check.fail(option, value, takes),
  }
}

function listenTarget(): OptionValue {
  const takes = 'true, false, or the URL of the database behind the pooler'
  return {
    type: 'boolean | string',
    takes,
    check(option, value) {
      const isTarget = typeof value === 'boolean' || (typeof value === 'string' && value !== '')
      return isTarget ? value : check.fail(option, value, takes)
    },
  }
}
