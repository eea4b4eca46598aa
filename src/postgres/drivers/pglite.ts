import type { Driver, Row, RunStatement } from '../driver.ts'
import { quoted } from '../names.ts'
import { channelClient } from './channel-client.ts'
import { openFolder } from './pglite-folder.ts'
import { toText } from './text-parameters.ts'
import { types } from './types.ts'

/** The part of a PGlite that Pawl uses. */
export interface PGliteLike extends PGliteQueries {
  /** Resolves when the database is open. */
  readonly waitReady: Promise<unknown>
  /** Runs work in a transaction. */
  transaction<T>(work: (transaction: PGliteQueries) => Promise<T>): Promise<T | undefined>
  /** Listens on a channel. */
  listen(channel: string, onMessage: (payload: string) => void): Promise<() => Promise<unknown>>
  /** Closes the database. Pawl calls it only for a database that it has opened. */
  close(): Promise<void>
}

interface PGliteQueries {
  /** Runs a statement. */
  query(
    text: string,
    values?: unknown[],
    options?: {
      parsers: Record<number, (text: string) => unknown>
      serializers: Record<number, (value: unknown) => string>
    },
  ): Promise<{ rows: unknown[] }>
}

/** The types that PGlite would read and write in its own way. */
const TYPES = [16, 17, 20, 21, 23, 26, 114, 700, 701, 1082, 1114, 1184, 3802]

const OPTIONS = {
  parsers: Object.fromEntries(TYPES.map((oid) => [oid, types.getTypeParser(oid)])),
  serializers: Object.fromEntries(TYPES.map((oid) => [oid, String])),
}

/**
 * PGlite: PostgreSQL inside this process.
 * @param database an instance of the application, or the folder of a database that Pawl opens
 */
export function pgliteDriver(database: PGliteLike | string, listens: boolean): Driver {
  const folder = typeof database === 'string' ? openFolder(database) : null
  const get = async (): Promise<PGliteLike> => (typeof database === 'string' ? folder!.open() : database)

  const runOn = async (on: PGliteQueries, { text, values }: Parameters<RunStatement>[0]): Promise<Row[]> =>
    (await on.query(text, values.map(toText), OPTIONS)).rows as Row[]

  return {
    query: async (statement) => runOn(await get(), statement),
    // PGlite has no result if the transaction was rolled back by hand, which the work here never does.
    transaction: async <T>(_within: number, work: (run: RunStatement) => Promise<T>) =>
      (await (await get()).transaction((inside) => work((statement) => runOn(inside, statement)))) as T,
    using(client) {
      const { query, rollback } = (client ?? {}) as { query?: unknown; rollback?: unknown }
      if (typeof query !== 'function' || typeof rollback !== 'function')
        throw new TypeError('`using` takes the `tx` that `transaction` of PGlite passes to your function')
      return (statement) => runOn(client as PGliteQueries, statement)
    },
    openListenClient: listens
      ? async () => {
          const pglite = await get()
          // PGlite takes the name as SQL.
          return channelClient((channel, onMessage) => pglite.listen(quoted(channel), onMessage))
        }
      : null,
    async open() {
      await (await get()).waitReady
    },
    close: async () => folder?.close(),
  }
}
