import { isDeepStrictEqual } from 'node:util'
import type {
  Change,
  Ending,
  EndReason,
  Expected,
  KeyRow,
  SessionRow,
  SessionWrites,
  Store,
  Turn,
} from '../core/store.ts'
import type { ClaimsObject } from '../portable/claims.ts'
import type { Connection, Queryable, Row } from './connection.ts'
import { gather } from './gather.ts'
import { createListener, type ListenClient } from './listen.ts'
import type { Names } from './names.ts'
import { QUERIES, type QueryName, SESSION_COLUMNS, type SessionColumn } from './queries.ts'
import { isUnsupported } from './sqlstate.ts'
import { dayOf, firstDay, timestamp } from './times.ts'
import { types } from './types.ts'

/** Runs a statement; `onRepeat` hears of an attempt whose outcome is unknown. */
type Run = (name: QueryName, values: unknown[], onRepeat?: () => void) => Promise<Row[]>

/** One method per transition; each hot one is one statement by primary key. */
export function createPostgresStore(
  connection: Connection,
  names: Names,
  schema: string,
  openListener: (() => Promise<ListenClient>) | null,
): Omit<Store, 'start' | 'close'> {
  const texts = Object.fromEntries(
    Object.entries(QUERIES).map(([name, text]) => [name, names.fill(text)]),
  ) as Record<QueryName, string>
  const run: Run = (name, values, onRepeat) => connection.query(texts[name], values, onRepeat)
  const notify = createNotify(run)
  const writes = createWrites(run, () => notify(schema, ''))
  const readMany = async (ids: readonly string[]): Promise<SessionRow[]> =>
    (await run('readMany', [ids])).map(toRow)
  const readEach = async (ids: readonly string[]): Promise<(SessionRow | null)[]> => {
    const byId = new Map((await readMany([...new Set(ids)])).map((row) => [row.id, row]))
    return ids.map((id) => byId.get(id) ?? null)
  }
  const insertEach = async (rows: readonly SessionRow[]): Promise<undefined[]> => {
    await run('insertMany', [JSON.stringify(rows.map(fromRow))])
    return rows.map(() => undefined)
  }

  return {
    ...writes,
    read: gather(writes.read, readEach),
    insert: gather<SessionRow, void>(writes.insert, insertEach),
    readMany,
    realm: schema,
    async time() {
      return (await run('time', []))[0]!['now'] as number
    },
    async turn({ expected, next, ...turn }) {
      const rows = await run('turn', [
        expected.id,
        expected.generation,
        expected.current,
        next.generation,
        next.current,
        next.previous,
        timestamp(next.turnedAt),
        timestamp(turn.expiresAt),
        firstDay(turn.pruneAt),
        turn.ip,
        turn.userAgent,
      ])
      return rows.length > 0
    },
    async turnMany(turns) {
      return (await connection.relaxed(texts.turnMany, turnColumns(turns))).map(({ id }) => id as string)
    },
    async switchSibling({ id, generation, current }, next) {
      return (
        (await run('switchSibling', [id, generation, current, next.current, timestamp(next.switchedAt)]))
          .length > 0
      )
    },
    async changes(since, after, limit) {
      const rows =
        after === null
          ? await run('changes', [timestamp(since), limit])
          : await run('changesAfter', [timestamp(since), limit, timestamp(after.at), after.id])
      return rows.map(toChange)
    },
    async keys() {
      return (await run('keys', [])).map(toKey)
    },
    async insertKey(key) {
      await run('insertKey', [
        key.epoch,
        key.kid,
        key.algorithm,
        key.wrappedKey,
        timestamp(key.createdAt),
        timestamp(key.signsFrom),
      ])
    },
    async retireKey(epoch, verifiesUntil) {
      await run('retireKey', [epoch, timestamp(verifiesUntil)])
    },
    async deleteKeys(before) {
      const deleted =
        before === null ? await run('deleteAllKeys', []) : await run('deleteKeys', [timestamp(before)])
      return deleted.length
    },
    async prune(now, limit) {
      const today = dayOf(now)
      const due = await run('pruneable', [today, limit])
      if (due.length === 0) return { due: 0, deleted: 0 }
      // By primary key, and with the condition again: a session may have turned in between.
      const deleted = await run('prune', [due.map(({ id }) => id), today])
      return { due: due.length, deleted: deleted.length }
    },
    async endBatch(ending, { created, seen }, after, limit) {
      const ids = (await run('idsAfter', [after, limit])).map(({ id }) => id as string)
      if (ids.length === 0) return { ended: [], last: null }
      const values = [ids, ...endingValues(ending), timestamp(created), timestamp(seen)]
      const { rows: ended, repeated } = await told(run, 'endMany', values)
      // What the attempt whose answer was lost has ended is known by its time and reason.
      const rows = repeated ? await run('endedOf', [ids, timestamp(ending.at), ending.reason]) : ended
      return {
        ended: rows.map((row) => ({ id: row['id'] as string, userId: row['user_id'] as string })),
        last: ids.length < limit ? null : ids.at(-1)!,
      }
    },
    listen: (hooks) =>
      openListener === null
        ? null
        : createListener(openListener, { quoted: names.schema, name: schema }, notify, hooks),
    using(client) {
      if (typeof (client as Queryable | null)?.query !== 'function') {
        throw new TypeError('`using` takes the `pg` client that holds your transaction')
      }
      // No retry and no prepared statement: the transaction, and what it does on an error, are the caller's.
      const inside: Run = async (name, values) =>
        (await (client as Queryable).query({ text: texts[name], values, types })).rows as Row[]
      const notify = createNotify(inside)
      return createWrites(inside, () => notify(schema, ''))
    },
  }
}

/** Runs a statement and tells whether an earlier attempt, whose outcome nobody knows, came before. */
async function told(
  run: Run,
  name: QueryName,
  values: unknown[],
): Promise<{ rows: Row[]; repeated: boolean }> {
  let repeated = false
  const rows = await run(name, values, () => {
    repeated = true
  })
  return { rows, repeated }
}

/** Sends a message to a channel. @returns false where the database cannot */
type Notify = (channel: string, payload: string) => Promise<boolean>

function createNotify(run: Run): Notify {
  let canNotify = true
  return async (channel, payload) => {
    try {
      if (canNotify) await run('notify', [channel, payload])
    } catch (error) {
      // An engine without NOTIFY: everyone polls.
      if (!isUnsupported(error)) throw error
      canNotify = false
    }
    return canNotify
  }
}

function createWrites(run: Run, notify: SessionWrites['notify']): SessionWrites {
  const read = async (id: string): Promise<SessionRow | null> => {
    const [row] = await run('read', [id])
    return row === undefined ? null : toRow(row)
  }
  return {
    read,
    async insert(row) {
      await run('insert', insertValues(row))
    },
    async listByUser(userId) {
      return (await run('listByUser', [userId])).map(toRow)
    },
    async end(id, ending, expected) {
      const { rows, repeated } =
        expected === undefined
          ? await told(run, 'end', [id, ...endingValues(ending)])
          : await told(run, 'endExpected', [
              id,
              ...endingValues(ending),
              expected.generation,
              expected.current,
            ])
      if (rows.length > 0 || !repeated) return (rows[0]?.['user_id'] as string | undefined) ?? null
      // The attempt whose answer was lost may have ended it: then it was this call all the same.
      const row = await read(id)
      return row?.endedAt === ending.at && row.endReason === ending.reason ? row.userId : null
    },
    async endByUser(userId, ending, except) {
      const { rows, repeated } = await told(run, 'endByUser', [userId, ...endingValues(ending), except])
      // What the attempt whose answer was lost has ended is known by its time and reason.
      const all = repeated ? await run('endedByUser', [userId, timestamp(ending.at), ending.reason]) : rows
      return all.map(({ id }) => id as string)
    },
    async liveByUser(userId, now) {
      const rows = await run('liveByUser', [userId, timestamp(now)])
      return rows.map((row) => ({ id: row['id'] as string, createdAt: row['created_at'] as number }))
    },
    async eraseByUser(userId, pruneAt) {
      return (await run('eraseByUser', [userId, firstDay(pruneAt)])).length
    },
    async writeData(id, data, how, ifVersion) {
      const name = how === 'merge' ? 'mergeData' : 'replaceData'
      const { rows, repeated } = await told(run, name, [id, JSON.stringify(data), ifVersion])
      const version = (rows[0]?.['data_version'] as number | undefined) ?? null
      if (version !== null || !repeated || ifVersion === null) return version
      const row = await read(id)
      const written = how === 'merge' ? { ...(row?.data as object | null), ...(data as object) } : data
      return row?.dataVersion === ifVersion + 1 && isDeepStrictEqual(row.data, written)
        ? row.dataVersion
        : null
    },
    async writeClaims(id, claims, at) {
      const [row] = await run('writeClaims', [id, JSON.stringify(claims), timestamp(at)])
      return (row?.['version'] as number | undefined) ?? null
    },
    async raiseVersion(id, at) {
      const [row] = await run('raiseVersion', [id, timestamp(at)])
      return (row?.['version'] as number | undefined) ?? null
    },
    async raiseVersionByUser(userId, at) {
      const rows = await run('raiseVersionByUser', [userId, timestamp(at)])
      return rows.map((row) => ({ id: row['id'] as string, version: row['version'] as number }))
    },
    notify,
    async reauthenticate(id, ifVersion, at, { expiresAt, absoluteExpiresAt, pruneAt }) {
      const rows = await run('reauthenticate', [
        id,
        ifVersion,
        timestamp(at),
        timestamp(expiresAt),
        timestamp(absoluteExpiresAt),
        firstDay(pruneAt),
      ])
      return rows.length > 0
    },
  }
}

/** As text, which is what JSON can carry. */
function bytes(value: Uint8Array | null): string | null {
  return value === null ? null : `\\x${Buffer.from(value).toString('hex')}`
}

function endingValues({ at, reason, pruneAt }: Ending): unknown[] {
  return [timestamp(at), reason, firstDay(pruneAt)]
}

function turnColumns(turns: readonly Turn[]): unknown[][] {
  const column = (value: (turn: Turn) => unknown): unknown[] => turns.map(value)
  const expected = (value: (expected: Expected) => unknown): unknown[] =>
    turns.map((turn) => value(turn.expected))
  return [
    expected(({ id }) => id),
    expected(({ generation }) => generation),
    expected(({ current }) => current),
    column(({ next }) => next.generation),
    column(({ next }) => next.current),
    column(({ next }) => next.previous),
    column(({ next }) => timestamp(next.turnedAt)),
    column(({ expiresAt }) => timestamp(expiresAt)),
    column(({ pruneAt }) => firstDay(pruneAt)),
    column(({ ip }) => ip),
    column(({ userAgent }) => userAgent),
  ]
}

/**
 * A row by its columns. Absent instead of a default, to keep it small: no claims, no data, persistent, versions
 * of 0, and times that are still those of the login.
 */
function fromRow(row: SessionRow): Record<SessionColumn, unknown> {
  const sinceLogin = (ms: number): ReturnType<typeof timestamp> | null =>
    ms === row.createdAt ? null : timestamp(ms)
  return {
    id: row.id,
    user_id: row.userId,
    generation: row.generation,
    current: bytes(row.current),
    previous: bytes(row.previous),
    anchor_hash: bytes(row.anchorHash),
    turned_at: sinceLogin(row.turnedAt),
    switched_at: timestamp(row.switchedAt),
    version: row.version || null,
    created_at: timestamp(row.createdAt),
    auth_time: sinceLogin(row.authTime),
    expires_at: timestamp(row.expiresAt),
    absolute_expires_at: timestamp(row.absoluteExpiresAt),
    idle_timeout: row.idleTimeout === null ? null : row.idleTimeout / 1000,
    persistent: row.persistent ? null : false,
    claims: Object.keys(row.claims).length === 0 ? null : row.claims,
    data: row.data,
    data_version: row.dataVersion || null,
    ip: row.ip,
    user_agent: row.userAgent,
    ended_at: timestamp(row.endedAt),
    end_reason: row.endReason,
    prune_on: firstDay(row.pruneAt),
  }
}

function insertValues(row: SessionRow): unknown[] {
  const columns = fromRow(row)
  const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value))
  const values = { ...columns, claims: json(columns.claims), data: json(columns.data) }
  return SESSION_COLUMNS.map((name) => values[name])
}

function toRow(row: Row): SessionRow {
  const createdAt = row['created_at'] as number
  return {
    id: row['id'] as string,
    userId: row['user_id'] as string,
    generation: row['generation'] as number,
    current: row['current'] as Buffer,
    previous: row['previous'] as Buffer | null,
    anchorHash: row['anchor_hash'] as Buffer,
    turnedAt: (row['turned_at'] as number | null) ?? createdAt,
    switchedAt: row['switched_at'] as number | null,
    version: (row['version'] as number | null) ?? 0,
    createdAt,
    authTime: (row['auth_time'] as number | null) ?? createdAt,
    expiresAt: row['expires_at'] as number,
    absoluteExpiresAt: row['absolute_expires_at'] as number | null,
    idleTimeout: row['idle_timeout'] === null ? null : (row['idle_timeout'] as number) * 1000,
    persistent: (row['persistent'] as boolean | null) ?? true,
    claims: (row['claims'] as ClaimsObject | null) ?? {},
    data: row['data'] ?? null,
    dataVersion: (row['data_version'] as number | null) ?? 0,
    ip: row['ip'] as string | null,
    userAgent: row['user_agent'] as string | null,
    endedAt: row['ended_at'] as number | null,
    endReason: row['end_reason'] as EndReason | null,
    pruneAt: row['prune_on'] as number,
  }
}

function toChange(row: Row): Change {
  return {
    id: row['id'] as string,
    version: (row['version'] as number | null) ?? 0,
    endReason: row['end_reason'] as EndReason | null,
    at: row['invalidated_at'] as number,
  }
}

function toKey(row: Row): KeyRow {
  return {
    epoch: row['epoch'] as number,
    kid: row['kid'] as string,
    algorithm: row['algorithm'] as string,
    wrappedKey: row['wrapped_key'] as Buffer,
    createdAt: row['created_at'] as number,
    signsFrom: row['signs_from'] as number,
    verifiesUntil: row['verifies_until'] as number | null,
  }
}
