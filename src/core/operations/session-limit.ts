import { setTimeout as sleep } from 'node:timers/promises'
import { SessionLimitError } from '../../portable/errors.ts'
import type { SessionRow } from '../store.ts'
import { endSession, type Scope } from './write-scope.ts'

/** A rival login that gives way does so at once; one that is still there after this has stayed. Milliseconds. */
const GIVES_WAY_WITHIN = [50, 100, 200]

/**
 * Holds a user to `limits.sessionsPerUser` once their new session is in the table. Without a lock: whoever looks
 * last sees everyone, so that of several logins at one moment never too many stay.
 * @throws SessionLimitError
 */
export async function enforceSessionLimit(
  scope: Scope,
  row: SessionRow,
  replaces: string | undefined,
): Promise<void> {
  const { engine, writes, own } = scope
  const { sessionsPerUser: limit, onSessionLimit } = engine.options.limits
  if (limit === null) return
  const look = async (): Promise<{ live: string[]; rank: number }> => {
    const all = await writes.liveByUser(row.userId, engine.clock.now())
    const live = all.map(({ id }) => id).filter((id) => id !== replaces)
    return { live, rank: live.indexOf(row.id) + 1 }
  }
  let { live, rank } = await look()
  if (onSessionLimit === 'evict-oldest') {
    for (const id of live.slice(0, Math.max(0, live.length - limit))) await endSession(scope, id, 'limit')
    return
  }
  // Of two at once the later login gives way. The earlier may have become visible only after the later had
  // looked and stayed, so it waits for that one to go, and goes itself when it does not.
  for (const pause of own ? GIVES_WAY_WITHIN : []) {
    if (live.length <= limit || rank > limit) break
    await sleep(pause)
    ;({ live, rank } = await look())
  }
  if (live.length <= limit) return
  await endSession(scope, row.id, 'limit')
  engine.events.emit('sessionLimited', { userId: row.userId })
  throw new SessionLimitError(row.userId)
}

/**
 * When a login happened, as far as the limit goes: after all those before it, even where the clocks of two
 * processes differ. Otherwise a login could be the oldest, and be the one to go.
 */
export async function loginTime({ engine, writes }: Scope, userId: string, now: number): Promise<number> {
  if (engine.options.limits.sessionsPerUser === null) return now
  const newest = (await writes.liveByUser(userId, now)).at(-1)
  return newest === undefined ? now : Math.max(now, newest.createdAt + 1)
}
