import { SessionLimitError } from '../../portable/errors.ts'
import type { SessionRow } from '../store.ts'
import { delay } from '../time/delay.ts'
import { endSession, type Scope } from './write-scope.ts'

/** Pauses before the sessions are counted again, in ms. A later login that withdraws does so within this time. */
const RECOUNT_PAUSES = [50, 100, 200]

/**
 * Enforces `limits.sessionsPerUser` after the new row was inserted. It needs no lock: of simultaneous logins, the one
 * that counts last sees all others, so never too many stay.
 * @param replaced the sessions that this login replaces; not counted
 * @throws SessionLimitError
 */
export async function enforceSessionLimit(
  scope: Scope,
  row: SessionRow,
  replaced: readonly string[],
): Promise<void> {
  const { engine, writes, autocommit } = scope
  const { sessionsPerUser: limit, onSessionLimit } = engine.options.limits
  if (limit === null) return
  const count = async (): Promise<{ live: string[]; rank: number }> => {
    const all = await writes.liveByUser(row.userId, engine.clock.now())
    const live = all.map(({ id }) => id).filter((id) => !replaced.includes(id))
    return { live, rank: live.indexOf(row.id) + 1 }
  }
  let { live, rank } = await count()
  if (onSessionLimit === 'evict-oldest') {
    for (const id of live.slice(0, Math.max(0, live.length - limit))) await endSession(scope, id, 'limit')
    return
  }
  // Of two simultaneous logins, the later one withdraws. If it counted before the earlier one became visible, it
  // stays. So the earlier one waits for it to withdraw, and otherwise withdraws itself.
  for (const pause of autocommit ? RECOUNT_PAUSES : []) {
    if (live.length <= limit || rank > limit) break
    await delay(pause)
    ;({ live, rank } = await count())
  }
  if (live.length <= limit) return
  await endSession(scope, row.id, 'limit')
  engine.events.emit('sessionLimited', { userId: row.userId })
  throw new SessionLimitError(row.userId)
}

/**
 * The creation time of a new session: later than all others of the user, even if the clocks of two processes differ.
 * Otherwise the limit could evict the new session as the oldest.
 */
export async function loginTime({ engine, writes }: Scope, userId: string, now: number): Promise<number> {
  if (engine.options.limits.sessionsPerUser === null) return now
  const newest = (await writes.liveByUser(userId, now)).at(-1)
  return newest === undefined ? now : Math.max(now, newest.createdAt + 1)
}
