import type { ReusePage, ReuseRecord } from '../../core/inspection.ts'
import type { Position } from '../../core/store.ts'
import type { Row } from '../connection.ts'
import { milliseconds } from '../queries.ts'
import { timestamp } from '../times.ts'
import type { QueryRows } from './find-users.ts'

/** Ids before and after all others. */
export const FIRST_ID = '00000000-0000-0000-0000-000000000000'
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/**
 * The last changes before a time. Ties stay unsorted: sessions that one call has ended may be millions with the same time.
 * Every column but the reason is read of the few rows that it finds.
 */
export const WALK = `with walked as (
    select id, end_reason, invalidated_at from :sessions s
    where invalidated_at < $1 order by s.invalidated_at desc limit $2
  )
  select (select count(*) from walked) as walked,
    (select ${milliseconds('min(invalidated_at)')} from walked) as oldest,
    (select ${milliseconds('max(invalidated_at)')} from walked) as newest,
    s.id, s.user_id, s.ip, s.user_agent, ${milliseconds('walked.invalidated_at')} as at,
    ${milliseconds('s.created_at')} as created_at, ${milliseconds('s.turned_at')} as turned_at
  from (select 1) as one left join walked on end_reason = 'reuse' left join :sessions s on s.id = walked.id`

/** The reuse among the last changes, the newest first. */
export async function findReuse(
  query: QueryRows,
  after: Position | null,
  limit: number,
  entries: number,
): Promise<ReusePage> {
  const rows = await query(WALK, [before(after), entries])
  const { walked, oldest, newest } = rows[0] as { walked: number; oldest: number; newest: number }
  const isLast = walked < entries
  // The walk may have cut the rows of its last millisecond, unless all have that time.
  const cut = isLast || oldest === newest ? Number.NEGATIVE_INFINITY : oldest
  const found = rows
    .flatMap((row) => (row['id'] === null ? [] : [toReuse(row)]))
    .filter(({ at, sessionId }) => at > cut && isAfter(after, at, sessionId))
    .sort((a, b) => b.at - a.at || (a.sessionId < b.sessionId ? 1 : -1))
  if (found.length > limit) {
    const last = found[limit - 1]!
    return {
      found: found.slice(0, limit),
      searchedBackTo: last.at,
      next: { at: last.at, id: last.sessionId },
    }
  }
  if (isLast) return { found, searchedBackTo: null, next: null }
  return {
    found,
    searchedBackTo: oldest,
    next: { at: oldest, id: oldest === newest ? FIRST_ID : LAST_ID },
  }
}

/** The time before which the walk begins. With an id that no session has before it, it leaves out its whole millisecond. */
function before(after: Position | null): string {
  if (after === null) return 'infinity'
  return timestamp(after.id === FIRST_ID ? after.at : after.at + 1)
}

function isAfter(position: Position | null, at: number, id: string): boolean {
  return position === null || at < position.at || (at === position.at && id < position.id)
}

function toReuse(row: Row): ReuseRecord {
  const signedInAt = row['created_at'] as number
  return {
    sessionId: row['id'] as string,
    userId: row['user_id'] as string,
    at: row['at'] as number,
    signedInAt,
    lastSeenAt: (row['turned_at'] as number | null) ?? signedInAt,
    holder: { ip: row['ip'] as string | null, userAgent: row['user_agent'] as string | null },
    presenter: null,
  }
}
