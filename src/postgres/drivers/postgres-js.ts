import { describeAddress } from '../address.ts'
import type { Driver, Row, RunStatement } from '../driver.ts'
import { channelClient } from './channel-client.ts'
import { type Listen, resubscribing } from './resubscribing.ts'
import { toText } from './text-parameters.ts'
import { types } from './types.ts'

/** The part of a client of postgres.js that Pawl uses. */
export interface PostgresJs extends PostgresJsQueries {
  begin<T>(work: (sql: PostgresJsQueries) => Promise<T>): Promise<T>
  readonly listen: Listen
  readonly options: {
    readonly host: readonly string[]
    readonly port: readonly number[]
    readonly path?: string | false | undefined
    readonly database: string
    readonly max: number
    readonly transform: Transform
  }
}

interface PostgresJsQueries {
  unsafe(text: string, values: unknown[], options: { prepare: boolean; simple: false }): PendingQuery
  typed(value: string | null, oid: number): unknown
}

interface PendingQuery {
  raw(): Promise<RawRows>
  cancel(): Promise<unknown> | null | undefined
}

/** The values of every row, as the server sent them. */
type RawRows = (Buffer | null)[][] & { readonly columns?: readonly { name: string; type: number }[] | null }

interface Transform {
  readonly column?: { readonly from?: ((name: string) => string) | undefined } | undefined
  readonly row?: { readonly from?: unknown } | undefined
}

/** The pseudo-type `unknown`: PostgreSQL infers the type, and postgres.js leaves the text as it is. */
const UNKNOWN = 705

/** A client of postgres.js. Its own parsers and serializers, which the application may change, take no part. */
export function postgresJsDriver(sql: PostgresJs): Driver {
  const { column } = sql.options.transform
  /** Statements without an answer. postgres.js does not close a connection that stopped answering, so they may pile up. */
  let pending = 0
  const run =
    (on: PostgresJsQueries): RunStatement =>
    async ({ text, values, name, within }) => {
      const parameters = values.map((value) => sql.typed(toText(value), UNKNOWN))
      const query = on.unsafe(text, parameters, { prepare: name !== undefined, simple: false })
      const cancel = (): void => void query.cancel()?.catch(() => {})
      const timer = within === undefined ? undefined : setTimeout(cancel, within)
      pending++
      try {
        return toRows(await query.raw(), originalNames(text, column?.from))
      } finally {
        clearTimeout(timer)
        pending--
      }
    }

  return {
    load: () => ({ max: sql.options.max, waiting: pending - sql.options.max }),
    query: run(sql),
    transaction: (_within, work) => sql.begin((inside) => work(run(inside))),
    using(client) {
      const { savepoint, release } = (client ?? {}) as { savepoint?: unknown; release?: unknown }
      if (typeof savepoint !== 'function' && typeof release !== 'function')
        throw new TypeError('`using` takes the `sql` that `sql.begin` passes to your function')
      return run(client as PostgresJsQueries)
    },
    openListenClient: async () => channelClient(resubscribing(sql, sql.listen)),
    close: async () => {},
  }
}

/** Where a client of postgres.js connects. It may have several hosts. */
export function postgresJsAddress({ options }: PostgresJs): string {
  const { host, port, path, database } = options
  if (typeof path === 'string') return `${path}${database && ` (database ${database})`}`
  return host.map((name, index) => describeAddress(name, port[index] ?? port[0]!, database)).join(' or ')
}

type OriginalName = (name: string) => string

/** Undoes `transform.column`. The name of a column is always a word of the statement. */
function originalNames(text: string, transform: ((name: string) => string) | undefined): OriginalName {
  if (transform === undefined) return (name) => name
  const originals = new Map((text.match(/\w+/g) ?? []).map((word) => [transform(word), word]))
  return (name) => originals.get(name) ?? name
}

function toRows(rows: RawRows, originalName: OriginalName): Row[] {
  const columns = (rows.columns ?? []).map(({ name, type }) => ({
    name: originalName(name),
    parse: types.getTypeParser(type),
  }))
  return Array.from(rows, (values) =>
    Object.fromEntries(
      columns.map(({ name, parse }, index) => {
        const value = values[index] ?? null
        return [name, value === null ? null : parse(value.toString())]
      }),
    ),
  )
}
