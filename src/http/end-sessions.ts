import { assertWrites } from '../core/read-only.ts'
import { reportStops } from './acting.ts'
import type { IncomingRequest } from './incoming-request.ts'

/** @returns whether one was ended */
export async function endSessions<Claims extends object, Data>(
  request: IncomingRequest<Claims, Data>,
  sessionIds: readonly string[],
): Promise<boolean> {
  // Also if there is nothing to end: the caller would clear the cookies.
  assertWrites(request.engine.store)
  const ends = sessionIds.map(async (id) => ((await request.sessions.revoke(id, 'logout')) ? [id] : []))
  const ended = (await Promise.all(ends)).flat()
  reportStops(request, ended)
  return ended.length > 0
}
