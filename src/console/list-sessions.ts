import type { ListSessions } from '../core/api.ts'
import { toListPage } from '../core/operations/list.ts'
import type { Session } from '../core/session/session.ts'
import { readSession } from '../core/session/stored-values.ts'
import type { ClaimsObject } from '../portable/claims.ts'
import { PART_WITHIN } from './bounded.ts'
import type { View } from './view.ts'

/**
 * As `sessions.list`, but the statement ends right after the patience of the page, which then says that it took too long. The
 * statement reads and sorts all rows of the user, which may be too many.
 */
export async function listSessions(
  { engine }: View,
  userId: string,
  given: ListSessions,
): Promise<Session[]> {
  const page = toListPage(given, engine.clock.now())
  const rows = await engine.store.listByUser(userId, { ...page, within: PART_WITHIN + 100 })
  return Promise.all(rows.map((row) => readSession<ClaimsObject, unknown>(engine, row)))
}
