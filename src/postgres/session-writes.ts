import { isDeepStrictEqual } from 'node:util'
import { mergePatch, removedKeys } from '../core/session/merge-patch.ts'
import { isOfSameLogin } from '../core/session/rows.ts'
import type { Ending, Position, SessionRow, SessionWrites } from '../core/store.ts'
import { hasAuditRows } from './audit/audit.ts'
import type { Row } from './connection.ts'
import {
  bytes,
  endingValues,
  expectedValues,
  listValues,
  positionValues,
  presenterValues,
} from './parameters.ts'
import { type Run, runTrackingRetries } from './run.ts'
import { insertValues, renewalsValue, toSessionRow } from './session-row.ts'
import { firstDay, timestamp } from './times.ts'

/** Rows that one statement erases from the audit. */
const ERASE_BATCH = 500

/**
 * The statements that also run inside a transaction of the application.
 * @param isAudited whether the store records in the audit
 * @param auditTable the escaped name of the table
 */
export function createSessionWrites(
  run: Run,
  notify: SessionWrites['notify'],
  isAudited: () => boolean,
  auditTable: string,
): SessionWrites {
  async function read(id: string): Promise<SessionRow | null> {
    const [row] = await run('read', [id])
    return row === undefined ? null : toSessionRow(row)
  }

  /** At most `limit` sessions of a user that have not ended, the newest login first. */
  async function openByUser(
    userId: string,
    except: string | null,
    after: Position | null,
    limit: number,
  ): Promise<{ ids: string[]; last: Position | null }> {
    const rows = await run('openByUser', [userId, except, ...positionValues(after), limit])
    const row = rows.length < limit ? undefined : rows.at(-1)
    const last = row === undefined ? null : { at: row['created_at'] as number, id: row['id'] as string }
    return { ids: idsOf(rows), last }
  }

  /** @returns the ids of the sessions that this call ended */
  async function endListed(ids: readonly string[], ending: Ending): Promise<string[]> {
    if (ids.length === 0) return []
    const { rows, retried } = await runTrackingRetries(run, 'endListed', [ids, ...endingValues(ending)])
    // Time and reason identify the sessions that an earlier attempt of this call ended.
    return idsOf(retried ? await run('endedOf', [ids, timestamp(ending.at), ending.reason]) : rows)
  }

  /** Also without the option: another process may have recorded the user. */
  async function eraseAudit(userId: string): Promise<void> {
    for (let due = ERASE_BATCH; due === ERASE_BATCH; )
      due = (await run('eraseAudit', [userId, ERASE_BATCH])).length
    await run('eraseAuditActor', [userId])
  }

  return {
    read,
    notify,
    async insert(row) {
      const inserted = await run('insert', insertValues(row))
      // The row exists: an earlier attempt of this call wrote it, or another session has the id.
      return inserted.length > 0 || isOfSameLogin(await read(row.id), row)
    },
    async listByUser(userId, page) {
      return (await run('listByUser', listValues(userId, page))).map(toSessionRow)
    },
    async newestLogin(userId, now) {
      const [newest] = await run('surplusByUser', [userId, timestamp(now), [], 1, 0])
      return (newest?.['created_at'] as number | undefined) ?? null
    },
    async liveByUser(userId, now, except, limit) {
      return idsOf(await run('liveByUser', [userId, timestamp(now), except, limit]))
    },
    async end(id, ending, expected) {
      const { rows, retried } =
        expected === undefined
          ? await runTrackingRetries(run, 'end', [id, ...endingValues(ending)])
          : await runTrackingRetries(run, 'endExpected', [
              ...expectedValues(expected),
              ...endingValues(ending),
              ...(isAudited() ? presenterValues(ending) : []),
            ])
      if (rows.length > 0 || !retried) return (rows[0]?.['user_id'] as string | undefined) ?? null
      // An earlier attempt of this call may have ended the session.
      const row = await read(id)
      return row?.endedAt === ending.at && row.endReason === ending.reason ? row.userId : null
    },
    async endByUser(userId, ending, except, after, limit) {
      const { ids, last } = await openByUser(userId, except, after, limit)
      return { ended: await endListed(ids, ending), last }
    },
    async endSurplus(userId, ending, keep, except, limit) {
      const ids = idsOf(await run('surplusByUser', [userId, timestamp(ending.at), except, limit, keep]))
      return { found: ids.length, ended: await endListed(ids, ending) }
    },
    async eraseByUser(userId, pruneAt, limit) {
      const ids = idsOf(await run('endedByUser', [userId, limit]))
      if (ids.length > 0) await run('erase', [ids, userId, firstDay(pruneAt)])
      return ids.length
    },
    async detach(id, userId) {
      await run('detach', [id, userId])
    },
    async eraseActor(userId) {
      // The rows come first: an end copies them into the audit.
      const { length } = await run('eraseActor', [userId])
      if (isAudited() || (await hasAuditRows(run, auditTable))) await eraseAudit(userId)
      return length
    },
    async writeData(id, data, how, ifVersion) {
      const name = how === 'merge' ? 'mergeData' : 'replaceData'
      const removed = how === 'merge' ? [removedKeys(data as object)] : []
      const values = [id, JSON.stringify(data), ifVersion, ...removed]
      const { rows, retried } = await runTrackingRetries(run, name, values)
      const version = (rows[0]?.['data_version'] as number | undefined) ?? null
      if (version !== null || !retried || ifVersion === null) return version
      // An earlier attempt of this call may have written the data.
      const row = await read(id)
      const written = how === 'merge' ? mergePatch(row?.data, data as object) : data
      return row?.dataVersion === ifVersion + 1 && isDeepStrictEqual(row.data, written)
        ? row.dataVersion
        : null
    },
    async writeClaims(id, claims, at) {
      const [row] = await run('writeClaims', [id, JSON.stringify(claims), timestamp(at)])
      return (row?.['version'] as number | undefined) ?? null
    },
    async writeClaimsByUser(userId, claims, at) {
      const rows = await run('writeClaimsByUser', [userId, JSON.stringify(claims), timestamp(at)])
      return rows.map(toVersion)
    },
    async replaceClaims({ id, version, renewals, claims, next, at }) {
      const rows = await run('replaceClaims', [
        id,
        version,
        renewalsValue(renewals),
        JSON.stringify(claims),
        renewalsValue(next),
        timestamp(at),
      ])
      return rows.length > 0
    },
    async raiseVersion(id, at) {
      const [row] = await run('raiseVersion', [id, timestamp(at)])
      return (row?.['version'] as number | undefined) ?? null
    },
    async raiseVersionByUser(userId, at, after, limit) {
      const { ids, last } = await openByUser(userId, null, after, limit)
      const rows = ids.length === 0 ? [] : await run('raiseVersions', [ids, timestamp(at)])
      return { raised: rows.map(toVersion), last }
    },
    async bindDevice(id, { key, kind }) {
      if ((await run('bindDevice', [id, bytes(key), kind])).length > 0) return true
      // An earlier attempt of this call may have bound it, or an earlier request of the same device.
      const row = await read(id)
      return row?.endReason === null && row.device !== null && Buffer.compare(row.device.key, key) === 0
    },
    async startRenewal({ id, version, renewals, next, expiresAt, pruneAt }) {
      const rows = await run('startRenewal', [
        id,
        version,
        renewalsValue(renewals),
        renewalsValue(next),
        timestamp(expiresAt),
        firstDay(pruneAt),
      ])
      return rows.length > 0
    },
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

function idsOf(rows: readonly Row[]): string[] {
  return rows.map(({ id }) => id as string)
}

function toVersion(row: Row): { id: string; version: number } {
  return { id: row['id'] as string, version: row['version'] as number }
}
