import { type Listening, MAX_OVERVIEW_DAYS, type StoreInspection } from '../../core/inspection.ts'
import type { StoreStatus } from '../../core/store-status.ts'
import type { Audit } from '../audit/audit.ts'
import { createHistory } from '../audit/history.ts'
import { auditedSince, type RunAudit, readAuditDays } from '../audit/overview.ts'
import { AUDIT_QUERIES } from '../audit/queries.ts'
import type { Connection } from '../connection.ts'
import { readDistribution } from '../distribution.ts'
import type { Names } from '../names.ts'
import { createUserOrder, findUsers, type QueryRows } from './find-users.ts'
import { orUnknown, readOverview } from './overview.ts'
import { FIRST_ID, findReuse } from './reuse.ts'

/** Milliseconds for each call. The page of a console waits two seconds. */
const ANSWER_WITHIN = 1700
/** Entries of the index of ends that one search of reuse walks. Each reads a row somewhere in the table. */
const REUSE_WALK = 10_000

/** What the store tells people, by statements that are bounded on a table of any size. */
export function createInspection(
  connection: Connection,
  names: Names,
  readStatus: () => Promise<StoreStatus>,
  listening: () => Promise<Listening>,
  audit: Pick<Audit, 'isKept'>,
): StoreInspection {
  const query: QueryRows = (text, values) => connection.queryOnce(ANSWER_WITHIN, names.fill(text), values)
  const auditOn =
    (run: QueryRows): RunAudit =>
    (name, values) =>
      run(AUDIT_QUERIES[name], values)
  const runAudit = auditOn(query)
  const { history, reuse: reuseInAudit } = createHistory(runAudit)
  const readUserOrder = createUserOrder(query, names)

  return {
    async overview(at, days) {
      const end = performance.now() + ANSWER_WITHIN
      // A figure that takes too long is unknown, and the others are shown.
      const inTime: QueryRows = (text, values) =>
        connection.queryOnce(Math.max(1, Math.ceil(end - performance.now())), names.fill(text), values)
      const { sessions } = await readDistribution({ query: inTime }, names)
      const shown = Math.min(days, MAX_OVERVIEW_DAYS)
      const audited = audit.isKept ? await orUnknown(readAuditDays(auditOn(inTime), at, shown), null) : null
      return readOverview(inTime, names, sessions === 'distributed', at, shown, audited)
    },
    async findUsers(prefix, after, limit) {
      return findUsers(query, await readUserOrder(), prefix, after, limit)
    },
    async reuse(after, limit) {
      const since = audit.isKept ? await auditedSince(runAudit) : null
      if (since === null || (after !== null && after.at < since))
        return findReuse(query, after, limit, REUSE_WALK)
      const page = await reuseInAudit(after, limit)
      if (page.next !== null) return page
      // The sessions know of reuse that is older than the audit.
      const end = { at: since, id: FIRST_ID }
      if (page.found.length === limit) return { ...page, searchedBackTo: since, next: end }
      const older = await findReuse(query, end, limit - page.found.length, REUSE_WALK)
      const known = new Set(page.found.map(({ sessionId }) => sessionId))
      return {
        ...older,
        found: [...page.found, ...older.found.filter(({ sessionId }) => !known.has(sessionId))],
      }
    },
    status: readStatus,
    listening,
    get history() {
      return audit.isKept ? history : undefined
    },
  }
}
