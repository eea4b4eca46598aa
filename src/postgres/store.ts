import { isOfSameLogin } from '../core/session/rows.ts'
import type { Change, SessionRow, Store } from '../core/store.ts'
import type { Audit } from './audit/audit.ts'
import { AUDIT_QUERIES, RECORDING } from './audit/queries.ts'
import { batch } from './batch.ts'
import { createBulkStatements } from './bulk-statements.ts'
import { ANSWER_WITHIN, type Connection, type Row } from './connection.ts'
import type { Driver, ListenClient } from './driver.ts'
import { leavingOutFailed } from './each-alone.ts'
import { createKeyStatements } from './key-statements.ts'
import { createListener } from './listen.ts'
import type { Names } from './names.ts'
import { createNotify } from './notify.ts'
import { listValues } from './parameters.ts'
import { QUERIES } from './queries.ts'
import type { QueryName, Run } from './run.ts'
import { insertManyValues, toEndReason, toSessionRow } from './session-row.ts'
import { createSessionWrites } from './session-writes.ts'
import { timestamp } from './times.ts'
import { createTurns } from './turns.ts'
import { withTimeout } from './with-timeout.ts'

/** What the store knows of its server and its process; the functions once it has started. */
interface Surroundings {
  /** Whether several nodes have the rows of `sessions`. */
  isDistributed(): boolean
  /** Whether an answer waits for confirmations, so that round trips cost more than a durable commit. */
  isServerless(): boolean
}

/** @param driver `openListenClient: null` turns LISTEN off */
export function createPostgresStore(
  connection: Connection,
  names: Names,
  schema: string,
  { openListenClient, using: transactionOf }: Pick<Driver, 'openListenClient' | 'using'>,
  { isDistributed, isServerless }: Surroundings,
  audit: Audit,
): Omit<Store, 'start' | 'close'> {
  const fillAll = <Name extends string>(queries: Readonly<Record<Name, string>>): Record<Name, string> =>
    Object.fromEntries(
      Object.entries<string>(queries).map(([name, text]) => [name, names.fill(text)]),
    ) as Record<Name, string>
  const texts = fillAll({ ...QUERIES, ...AUDIT_QUERIES })
  const recordingTexts = { ...texts, ...fillAll(RECORDING) }
  const textOf = (name: QueryName): string => (audit.isKept ? recordingTexts : texts)[name]
  const run: Run = (name, values, onRetry) => connection.query(textOf(name), values, onRetry)
  const notify = createNotify(run)
  const isAudited = (): boolean => audit.isKept
  const writes = createSessionWrites(run, () => notify(schema, ''), isAudited, names.audit)

  async function readMany(ids: readonly string[]): Promise<SessionRow[]> {
    return (await run('readMany', [ids])).map(toSessionRow)
  }
  async function readBatch(ids: readonly string[]): Promise<(SessionRow | null)[]> {
    const byId = new Map((await readMany([...new Set(ids)])).map((row) => [row.id, row]))
    return ids.map((id) => byId.get(id) ?? null)
  }
  const read = batch(writes.read, readBatch)
  async function insertBatch(rows: readonly SessionRow[]): Promise<boolean[]> {
    const inserted = await run('insertMany', insertManyValues(rows))
    if (inserted.length === rows.length) return rows.map(() => true)
    const stored = await readBatch(rows.map(({ id }) => id))
    return rows.map((row, index) => isOfSameLogin(stored[index], row))
  }

  async function openCounted(open: () => Promise<ListenClient>): Promise<ListenClient> {
    const client = await open()
    client.on('error', connection.countLost)
    return client
  }

  return {
    ...writes,
    ...createTurns(run, (values) =>
      isServerless() ? run('turnMany', values) : connection.queryWithAsyncCommit(texts.turnMany, values),
    ),
    ...createKeyStatements(run),
    ...createBulkStatements(run, audit),
    realm: schema,
    read,
    // A distributed engine would bring the rows of a batch to its coordinator first, which is slower than one by one.
    insert: batch(writes.insert, insertBatch, isDistributed),
    readMany: (ids) =>
      leavingOutFailed(ids, readMany, async (id) => {
        const row = await writes.read(id)
        return row === null ? [] : [row]
      }),
    async listByUser(userId, page) {
      if (page.within === undefined) return writes.listByUser(userId, page)
      const rows = await connection.queryOnce(page.within, texts.listByUser, listValues(userId, page))
      return rows.map(toSessionRow)
    },
    async time() {
      return (await run('time', []))[0]!['now'] as number
    },
    async changes(since, after, limit) {
      const rows =
        after === null
          ? await run('changes', [timestamp(since), limit])
          : await run('changesAfter', [timestamp(since), limit, timestamp(after.at), after.id])
      return rows.map(toChange)
    },
    lostConnections: () => connection.lost,
    listen: (hooks) =>
      openListenClient === null
        ? null
        : createListener(
            () => openCounted(openListenClient),
            { quoted: names.schema, name: schema },
            notify,
            hooks,
          ),
    using(client) {
      const runStatement = transactionOf(client)
      // No retries and no prepared statements: the application owns the transaction and handles its errors.
      const runInTransaction: Run = async (name, values) =>
        withTimeout(ANSWER_WITHIN, connection.target, runStatement({ text: textOf(name), values }))
      const notifyOnCommit = createNotify(runInTransaction)
      return createSessionWrites(runInTransaction, () => notifyOnCommit(schema, ''), isAudited, names.audit)
    },
  }
}

function toChange(row: Row): Change {
  return {
    id: row['id'] as string,
    version: (row['version'] as number | null) ?? 0,
    endReason: toEndReason(row),
    at: row['invalidated_at'] as number,
  }
}
