import { isDeepStrictEqual } from 'node:util'
import { mergePatch } from '../core/session/merge-patch.ts'
import { isOfSameLogin } from '../core/session/rows.ts'
import { expiryReason } from '../core/session/session.ts'
import type {
  Change,
  Ending,
  Expected,
  KeyRow,
  ListenerHooks,
  Position,
  Renewal,
  SessionRow,
  Store,
  Turn,
} from '../core/store.ts'
import { inspectRows } from './inspection.ts'

/**
 * Makes a store in the memory of this process, for tests. It behaves like the PostgreSQL store, but loses its sessions with
 * the process and shares them with no other process.
 *
 * @example
 * const sessions = await createSessions({ store: memory(), secret })
 *
 * @throws TypeError if it gets an argument
 */
export function memory(...options: undefined[]): Store {
  if (options.length > 0) throw new TypeError('`memory` takes no options')
  const rows = new Map<string, SessionRow>()
  const keys = new Map<number, KeyRow>()
  /** The last change of each session that ended or got a new version. */
  const changes = new Map<string, Change>()
  const listeners = new Set<ListenerHooks['onChange']>()

  const live = (id: string): SessionRow | null => {
    const row = rows.get(id)
    return row === undefined || row.endedAt !== null ? null : row
  }
  const matches = ({ id, generation, current }: Expected): SessionRow | null => {
    const row = live(id)
    return row !== null && row.generation === generation && Buffer.compare(row.current, current) === 0
      ? row
      : null
  }
  const write = (row: SessionRow): void => void rows.set(row.id, row)
  const invalidate = (row: SessionRow, at: number): void => {
    write(row)
    changes.set(row.id, { id: row.id, version: row.version, endReason: row.endReason, at })
  }

  const store: Store = {
    realm: 'memory',
    local: true,
    async start() {
      return null
    },
    async close() {},
    async time() {
      return null
    },
    async insert(row) {
      const stored = rows.get(row.id)
      if (stored === undefined) write(copy(row))
      return stored === undefined || isOfSameLogin(stored, row)
    },
    async read(id) {
      const row = rows.get(id)
      return row === undefined ? null : copy(row)
    },
    async readMany(ids) {
      return ids.flatMap((id) => rows.get(id) ?? []).map(copy)
    },
    async listByUser(userId, { activeAt, after, limit }) {
      return [...rows.values()]
        .filter((row) => row.userId === userId && (activeAt === null || isActive(row, activeAt)))
        .filter((row) => isAfter(after, row.turnedAt, row.id))
        .sort((a, b) => b.turnedAt - a.turnedAt || (a.id < b.id ? 1 : -1))
        .slice(0, limit)
        .map(copy)
    },
    async turn(turn) {
      return turnNow(turn)
    },
    async turnMany(turns) {
      return turns.filter(turnNow).map((turn) => turn.expected.id)
    },
    async switchSibling(expected, next) {
      const row = matches(expected)
      if (row !== null) write({ ...row, current: next.current, switchedAt: next.switchedAt })
      return row !== null
    },
    async end(id, ending, expected) {
      const row = expected === undefined ? live(id) : matches(expected)
      if (row !== null) invalidate(ended(row, ending), ending.at)
      return row?.userId ?? null
    },
    async endBatch(ending, { created, seen }, after, limit) {
      const batch = [...rows.values()]
        .filter(({ id }) => after === null || id > after)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit)
      const matching = batch.filter(
        (row) => row.endedAt === null && row.createdAt <= created && (seen === null || row.turnedAt < seen),
      )
      for (const row of matching) invalidate(ended(row, ending), ending.at)
      return { ended: matching, last: batch.length < limit ? null : batch.at(-1)!.id }
    },
    async endAgain(ids, ending) {
      const found = ids.flatMap((id) => live(id) ?? [])
      for (const row of found) invalidate(ended(row, ending), ending.at)
      return found.map((row) => row.id)
    },
    async endByUser(userId, ending, except, after, limit) {
      const { found, last } = openByUser(userId, except, after, limit)
      for (const row of found) invalidate(ended(row, ending), ending.at)
      return { ended: found.map((row) => row.id), last }
    },
    async endSurplus(userId, ending, keep, except, limit) {
      const found = liveByUser(userId, ending.at, except)
        .reverse()
        .slice(keep, keep + limit)
      for (const row of found) invalidate(ended(row, ending), ending.at)
      return { found: found.length, ended: found.map((row) => row.id) }
    },
    async newestLogin(userId, now) {
      return liveByUser(userId, now, []).at(-1)?.createdAt ?? null
    },
    async liveByUser(userId, now, except, limit) {
      return liveByUser(userId, now, except)
        .slice(0, limit)
        .map(({ id }) => id)
    },
    async eraseByUser(userId, pruneAt, limit) {
      const erased = [...rows.values()]
        .filter((row) => row.userId === userId && row.endedAt !== null)
        .slice(0, limit)
      for (const row of erased)
        write({
          ...row,
          userId: '',
          ip: null,
          userAgent: null,
          claims: {},
          data: null,
          renewals: [],
          device: null,
          pruneAt,
        })
      return erased.length
    },
    async detach(id, userId) {
      const row = live(id)
      if (row?.userId === userId) write({ ...row, parentId: null })
    },
    async eraseActor(userId) {
      const found = [...rows.values()].filter(({ actor }) => actor?.userId === userId)
      for (const row of found)
        write({ ...row, actor: { ...row.actor!, userId: '' }, ip: null, userAgent: null })
      return found.length
    },
    async writeData(id, data, how, ifVersion) {
      const row = live(id)
      if (row === null || (ifVersion !== null && row.dataVersion !== ifVersion)) return null
      const written = how === 'merge' ? mergePatch(row.data, data as object) : data
      if (how === 'merge' && isDeepStrictEqual(written, row.data)) return row.dataVersion
      write({ ...row, data: written, dataVersion: row.dataVersion + 1 })
      return row.dataVersion + 1
    },
    async writeClaims(id, claims, at) {
      const row = live(id)
      if (row === null) return null
      const renewals = row.renewals.map((renewal) => ({ ...renewal, claims: null }))
      invalidate({ ...row, claims, renewals, version: row.version + 1 }, at)
      return row.version + 1
    },
    async writeClaimsByUser(userId, claims, at) {
      const active = [...rows.values()].filter((row) => row.userId === userId && row.endedAt === null)
      return active.map(({ id, renewals, version }) => {
        const cleared = renewals.map((renewal) => ({ ...renewal, claims: null }))
        invalidate({ ...rows.get(id)!, claims, renewals: cleared, version: version + 1 }, at)
        return { id, version: version + 1 }
      })
    },
    async replaceClaims({ id, version, renewals, claims, next, at }) {
      const row = live(id)
      if (row === null || row.version !== version || !sameRenewals(row.renewals, renewals)) return false
      invalidate({ ...row, claims, renewals: next, version: version + 1 }, at)
      return true
    },
    async raiseVersion(id, at) {
      const row = live(id)
      if (row === null) return null
      invalidate({ ...row, version: row.version + 1 }, at)
      return row.version + 1
    },
    async raiseVersionByUser(userId, at, after, limit) {
      const { found, last } = openByUser(userId, null, after, limit)
      for (const row of found) invalidate({ ...row, version: row.version + 1 }, at)
      return { raised: found.map(({ id, version }) => ({ id, version: version + 1 })), last }
    },
    async notify() {
      for (const onChange of listeners) setImmediate(onChange, 'unknown')
      return true
    },
    async bindDevice(id, device) {
      const row = live(id)
      if (row !== null && row.device === null)
        write({ ...row, device: { ...device, key: Buffer.from(device.key) } })
      const bound = live(id)?.device ?? null
      return bound !== null && Buffer.compare(bound.key, device.key) === 0
    },
    async startRenewal({ id, version, renewals, next, expiresAt, pruneAt }) {
      const row = live(id)
      if (row === null || row.version !== version || !sameRenewals(row.renewals, renewals)) return false
      write({ ...row, renewals: next, expiresAt, pruneAt })
      return true
    },
    async confirmRenewal({ expected, version, renewals, remaining, next, at, ...fields }) {
      const row = matches(expected)
      if (row === null || row.version !== version || !sameRenewals(row.renewals, renewals)) return false
      invalidate({ ...row, ...next, ...fields, renewals: remaining, version: version + 1 }, at)
      return true
    },
    async reauthenticate(id, ifVersion, at, clocks) {
      const row = live(id)
      if (row === null || row.version !== ifVersion) return false
      const reuseSince = row.reuseSince ?? row.authTime
      invalidate({ ...row, ...clocks, authTime: at, reuseSince, version: ifVersion + 1 }, at)
      return true
    },
    async changes(since, after, limit) {
      return [...changes.values()]
        .filter((change) => change.at >= since && (after === null || compare(change, after) > 0))
        .sort(compare)
        .slice(0, limit)
    },
    async keys() {
      return [...keys.values()]
    },
    async insertKey(key) {
      if (!keys.has(key.epoch)) keys.set(key.epoch, key)
    },
    async retireKey(epoch, verifiesUntil) {
      const key = keys.get(epoch)
      if (key?.verifiesUntil === null) keys.set(epoch, { ...key, verifiesUntil })
    },
    async deleteKeys(before) {
      const old = [...keys.values()].filter(
        ({ verifiesUntil }) => before === null || (verifiesUntil !== null && verifiesUntil < before),
      )
      for (const { epoch } of old) keys.delete(epoch)
      return old.length
    },
    async prune(now, limit) {
      const due = [...rows.values()].filter((row) => pruneDay(row.pruneAt) <= now).slice(0, limit)
      for (const { id } of due) {
        rows.delete(id)
        changes.delete(id)
      }
      return { due: due.length, deleted: due.length }
    },
    listen({ onChange, onConnected }) {
      listeners.add(onChange)
      setImmediate(onConnected)
      return {
        ping: async () => listeners.has(onChange),
        async notify() {
          for (const other of listeners) if (other !== onChange) setImmediate(other, 'process')
          return true
        },
        async close() {
          listeners.delete(onChange)
        },
      }
    },
    using: () => store,
    inspect: inspectRows(rows),
  }

  /** The sessions that the limit counts, the oldest login first. */
  function liveByUser(userId: string, now: number, except: readonly string[]): SessionRow[] {
    return [...rows.values()]
      .filter(
        (row) =>
          row.userId === userId &&
          row.endedAt === null &&
          row.actor === null &&
          row.parentId === null &&
          now < Math.min(row.expiresAt, row.absoluteExpiresAt ?? row.expiresAt) &&
          !except.includes(row.id),
      )
      .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
  }

  /** Sessions that have not ended, the newest login first. */
  function openByUser(
    userId: string,
    except: string | null,
    after: Position | null,
    limit: number,
  ): { found: SessionRow[]; last: Position | null } {
    const found = [...rows.values()]
      .filter((row) => row.userId === userId && row.endedAt === null && row.id !== except)
      .filter((row) => isAfter(after, row.createdAt, row.id))
      .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
      .slice(0, limit)
    const row = found.length < limit ? undefined : found.at(-1)
    return { found, last: row === undefined ? null : { at: row.createdAt, id: row.id } }
  }

  function turnNow({ expected, next, expiresAt, pruneAt, ip, userAgent }: Turn): boolean {
    const row = matches(expected)
    if (row !== null) write({ ...row, ...next, expiresAt, pruneAt, ip, userAgent })
    return row !== null
  }

  return store
}

/** A copy, so that no caller shares objects with the store. */
function copy(row: SessionRow): SessionRow {
  return {
    ...row,
    current: Uint8Array.from(row.current),
    previous: row.previous === null ? null : Uint8Array.from(row.previous),
    anchorHash: Uint8Array.from(row.anchorHash),
    renewals: structuredClone(row.renewals),
    device: structuredClone(row.device),
    claims: structuredClone(row.claims),
    data: structuredClone(row.data),
  }
}

function sameRenewals(one: readonly Renewal[], other: readonly Renewal[]): boolean {
  const anchors = (renewals: readonly Renewal[]): string =>
    renewals.map(({ anchorHash }) => Buffer.from(anchorHash).toString('hex')).join()
  return anchors(one) === anchors(other)
}

function ended(row: SessionRow, { reason, at, pruneAt }: Ending): SessionRow {
  return { ...row, endedAt: at, endReason: reason, pruneAt }
}

function isActive(row: SessionRow, now: number): boolean {
  return row.endedAt === null && expiryReason(row, now) === null
}

/** Whether a row comes after a position, in an order from the latest time to the earliest. */
function isAfter(position: Position | null, at: number, id: string): boolean {
  return position === null || at < position.at || (at === position.at && id < position.id)
}

function compare(a: Change, b: Change): number {
  return a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

const DAY = 86_400_000
/** Rows are deleted on the day after `pruneAt`, as in PostgreSQL, whose index holds days. */
const pruneDay = (at: number): number => Math.ceil(at / DAY) * DAY
