import type { ReusePage, ReuseRecord } from '../../core/inspection.ts'
import type { Position } from '../../core/store.ts'
import type { Row } from '../connection.ts'
import { milliseconds } from '../queries.ts'
import { timestamp } from '../times.ts'
import type { QueryRows } from './find-users.ts'

/** Ids before and after all others. */
export const FIRST_ID = '00000000-0000-0000-0000-000000000000'
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** The last changes before a time. Ties stay unsorted: one call may end millions of sessions at the same time. */
const WALK = `with walked as (
    select id, end_reason, invalidated_at from :sessions s
    where invalidated_at < $1 order by s.invalidated_at desc limit $2
  )
  select (select count(*) from walked) as walked,
    (select ${milliseconds('min(invalidated_at)')} from walked) as oldest,
    (select ${milliseconds('max(invalidated_at)')} from walked) as newest,
    id, ${milliseconds('invalidated_at')} as at
  from (select 1) as one left join walked on end_reason = 'reuse'`

// Not joined with the walk: a distributed engine would bring the whole table to its coordinator.
const FOUND = `select id, user_id, ip, user_agent, ${milliseconds('created_at')} as created_at,
    ${milliseconds('turned_at')} as turned_at
  from :sessions where id = any($1::uuid[])`

/** A session that ended because of reuse. */
interface Ended {
  readonly id: string
  readonly at: number
}

/** The reuse among the last changes. */
interface Walk extends Omit<ReusePage, 'found'> {
  readonly found: readonly Ended[]
}

/** The reuse among the last changes, the newest first. */
export async function findReuse(
  query: QueryRows,
  after: Position | null,
  limit: number,
  entries: number,
): Promise<ReusePage> {
  const { found, ...page } = await walkReuse(query, after, limit, entries)
  if (found.length === 0) return { found: [], ...page }
  const rows = await query(FOUND, [found.map(({ id }) => id)])
  const byId = new Map(rows.map((row) => [row['id'], row]))
  return {
    found: found.flatMap((ended) => {
      const row = byId.get(ended.id)
      return row === undefined ? [] : [toReuse(row, ended.at)]
    }),
    ...page,
  }
}

/** {@link findReuse}, with ids and times alone. */
export async function walkReuse(
  query: QueryRows,
  after: Position | null,
  limit: number,
  entries: number,
): Promise<Walk> {
  const rows = await query(WALK, [before(after), entries])
  const { walked, oldest, newest } = rows[0] as { walked: number; oldest: number; newest: number }
  const isLast = walked < entries
  // The walk may have cut the rows of its last millisecond, unless all have that time.
  const cut = isLast || oldest === newest ? Number.NEGATIVE_INFINITY : oldest
  const found = rows
    .flatMap(({ id, at }) => (id === null ? [] : [{ id: id as string, at: at as number }]))
    .filter(({ id, at }) => at > cut && isAfter(after, at, id))
    .sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1))
  if (found.length > limit) {
    const { id, at } = found[limit - 1]!
    return { found: found.slice(0, limit), searchedBackTo: at, next: { at, id } }
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

function toReuse(row: Row, at: number): ReuseRecord {
  const signedInAt = row['created_at'] as number
  return {
    sessionId: row['id'] as string,
    userId: row['user_id'] as string,
    at,
    signedInAt,
    lastSeenAt: (row['turned_at'] as number | null) ?? signedInAt,
    holder: { ip: row['ip'] as string | null, userAgent: row['user_agent'] as string | null },
    presenter: null,
  }
}
