import type { IncomingRequest } from './incoming-request.ts'

/** @returns whether one was ended */
export async function endSessions<Claims extends object, Data>(
  { sessions }: IncomingRequest<Claims, Data>,
  sessionIds: readonly string[],
): Promise<boolean> {
  const ended = await Promise.all(sessionIds.map((id) => sessions.revoke(id, 'logout')))
  return ended.includes(true)
}
