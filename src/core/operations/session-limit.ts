import { SessionLimitError } from '../../portable/errors.ts'
import { isSessionId } from '../../portable/session-id.ts'
import { createEnding } from '../session/ending.ts'
import type { SessionRow } from '../store.ts'
import { delay } from '../time/delay.ts'
import { endSession, publishEnds, type Scope, USER_BATCH } from './write-scope.ts'

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
  // A session that ends with another one is part of that login.
  if (limit === null || row.parentId !== null) return
  const except = replaced.filter(isSessionId)
  if (onSessionLimit === 'evict-oldest') return evictSurplus(scope, row.userId, limit, except)
  // One more than the limit tells whether there are too many, and whether this login is one of those that may stay.
  const count = async (): Promise<{ live: string[]; rank: number }> => {
    const live = await writes.liveByUser(row.userId, engine.clock.now(), except, limit + 1)
    const index = live.indexOf(row.id)
    return { live, rank: index === -1 ? Number.POSITIVE_INFINITY : index + 1 }
  }
  let { live, rank } = await count()
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

/** Ends all active sessions of a user but the newest `limit`, in batches. A later login continues what this one leaves. */
async function evictSurplus(
  scope: Scope,
  userId: string,
  limit: number,
  except: readonly string[],
): Promise<void> {
  const { engine, writes } = scope
  for (let found = USER_BATCH; found === USER_BATCH; ) {
    const ending = createEnding(engine, 'limit', engine.clock.now())
    const batch = await writes.endSurplus(userId, ending, limit, except, USER_BATCH)
    await publishEnds(scope, userId, batch.ended, 'limit')
    found = batch.found
  }
}

/**
 * The creation time of a new session: later than all others of the user, even if the clocks of two processes differ.
 * Otherwise the limit could evict the new session as the oldest.
 */
export async function loginTime({ engine, writes }: Scope, userId: string, now: number): Promise<number> {
  if (engine.options.limits.sessionsPerUser === null) return now
  const newest = await writes.newestLogin(userId, now)
  return newest === null ? now : Math.max(now, newest + 1)
}
