import { methodOptions } from '../../portable/options/method-options.ts'
import { isSessionId } from '../../portable/session-id.ts'
import type { ListSessions } from '../api.ts'
import type { ListPage, Position } from '../store.ts'

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1000
/** PostgreSQL does not read the years that JavaScript writes with a sign. */
const END_OF_TIME = Date.UTC(10_000, 0)

/** Checks the options of `list`. @throws TypeError */
export function toListPage(given: ListSessions | undefined, now: number): ListPage {
  const {
    active = false,
    limit = DEFAULT_LIMIT,
    after,
  } = methodOptions('list', given, 'active', 'limit', 'after')
  if (typeof active !== 'boolean') throw new TypeError('`active` takes true or false')
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new TypeError(`\`limit\` takes a whole number from 1 to ${MAX_LIMIT}`)
  return { activeAt: active ? now : null, after: after === undefined ? null : toPosition(after), limit }
}

function toPosition(after: NonNullable<ListSessions['after']> | null): Position {
  const { sessionId, lastSeenAt } = after ?? {}
  const at = lastSeenAt instanceof Date ? lastSeenAt.getTime() : Number.NaN
  if (!isSessionId(sessionId) || !(at >= 0 && at < END_OF_TIME))
    throw new TypeError(
      '`after` takes the last session of the page before, or its `sessionId` and `lastSeenAt`',
    )
  return { at, id: sessionId }
}
