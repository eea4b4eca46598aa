import {
  type DayOverview,
  type EndFigure,
  type Figure,
  MAX_OVERVIEW_DAYS,
  type ReuseRecord,
  type StoreInspection,
} from '../core/inspection.ts'
import { expiryReason } from '../core/session/session.ts'
import type { SessionRow } from '../core/store.ts'
import type { StoreStatus } from '../core/store-status.ts'

const DAY = 86_400_000

/** What the memory store tells about its rows. It reads all of them. */
export function inspectRows(rows: ReadonlyMap<string, SessionRow>): StoreInspection {
  return {
    async overview(at, days) {
      const all = [...rows.values()]
      const active = all.filter((row) => row.endedAt === null && expiryReason(row, at) === null)
      const today = Math.floor(at / DAY) * DAY
      const shown = Math.min(days, MAX_OVERVIEW_DAYS)
      return {
        active: counted(active.length),
        source: 'sessions',
        days: Array.from({ length: shown }, (_, index) => dayOf(all, today - (shown - 1 - index) * DAY)),
      }
    },
    async findUsers(prefix, after, limit) {
      const found = [...new Set([...rows.values()].map(({ userId }) => userId))]
        .filter((userId) => userId !== '' && userId.startsWith(prefix) && (after === null || userId > after))
        .sort()
      const userIds = found.slice(0, limit)
      const complete = userIds.length === found.length
      return { userIds, complete, next: complete ? null : userIds.at(-1)! }
    },
    async reuse(after, limit) {
      const found = [...rows.values()]
        .flatMap((row) => (row.endReason === 'reuse' ? [toReuse(row)] : []))
        .filter(
          ({ at, sessionId }) => after === null || at < after.at || (at === after.at && sessionId < after.id),
        )
        .sort((a, b) => b.at - a.at || (a.sessionId < b.sessionId ? 1 : -1))
      const page = found.slice(0, limit)
      const last = page.length < found.length ? page.at(-1)! : null
      return {
        found: page,
        searchedBackTo: last?.at ?? null,
        next: last === null ? null : { at: last.at, id: last.sessionId },
      }
    },
    async status() {
      return emptyStatus()
    },
    async listening() {
      return { working: null, problem: null }
    },
  }
}

const counted = (value: number): Figure => ({ value, how: 'counted' })

function dayOf(rows: readonly SessionRow[], from: number): DayOverview {
  const isWithin = (at: number | null): boolean => at !== null && at >= from && at < from + DAY
  const ended = rows.filter(({ endedAt }) => isWithin(endedAt))
  return {
    from,
    signIns: counted(rows.filter(({ createdAt }) => isWithin(createdAt)).length),
    ends: toEnds(ended),
    reuse: counted(ended.filter(({ endReason }) => endReason === 'reuse').length),
  }
}

function toEnds(ended: readonly SessionRow[]): EndFigure {
  const byReason: Record<string, number> = {}
  for (const { endReason } of ended) byReason[endReason!] = (byReason[endReason!] ?? 0) + 1
  return { ...counted(ended.length), byReason }
}

function toReuse(row: SessionRow): ReuseRecord {
  return {
    sessionId: row.id,
    userId: row.userId,
    at: row.endedAt!,
    signedInAt: row.createdAt,
    lastSeenAt: row.turnedAt,
    holder: { ip: row.ip, userAgent: row.userAgent },
    presenter: null,
  }
}

/** There is no server behind it that could be in a bad state. */
function emptyStatus(): StoreStatus {
  return {
    at: new Date(),
    server: { version: 'memory of this process', database: 'memory', standby: null },
    schema: { name: 'memory', applied: null, missing: null, unknown: null, missingRights: null },
    layout: null,
    keys: null,
    sessions: null,
    revocations: null,
    table: null,
    vacuum: null,
    notifications: { listeners: null, releases: null, queueUsage: null, working: null, problem: null },
    unknown: [],
  }
}
