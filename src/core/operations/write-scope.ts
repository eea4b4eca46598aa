import { isSessionId } from '../../portable/session-id.ts'
import type { Engine } from '../engine.ts'
import { createEnding, publishEnd } from '../session/ending.ts'
import { assertActive, assertLive, readRow } from '../session/rows.ts'
import type { OwnEndReason, Position, SessionRow, SessionWrites } from '../store.ts'

/** Where an operation writes: to the store itself, or in a transaction of the application. */
export interface Scope {
  readonly engine: Engine
  readonly writes: SessionWrites
  /** Whether each write commits by itself, so that this process may publish it at once. */
  readonly autocommit: boolean
}

/**
 * Publishes a committed write. In a transaction of the application, the database sends the notification when the
 * transaction commits.
 */
export async function afterCommit({ engine, writes, autocommit }: Scope, publish: () => void): Promise<void> {
  if (autocommit) publish()
  else if (engine.feed.canNotify) await writes.notify()
  else engine.onDemand?.notifyLater()
}

/** @returns whether this call ended the session */
export async function endSession(scope: Scope, sessionId: string, reason: OwnEndReason): Promise<boolean> {
  if (!isSessionId(sessionId)) return false
  const { engine, writes } = scope
  const userId = await writes.end(sessionId, createEnding(engine, reason, engine.clock.now()))
  if (userId === null) return false
  await afterCommit(scope, () => publishEnd(engine, sessionId, userId, reason))
  return true
}

/**
 * Sessions of one user that one statement changes: few, so that it holds its locks briefly and the publication of the
 * changes does not block the event loop.
 */
export const USER_BATCH = 500

/**
 * Ends all sessions of a user but `except`, in batches. That one no longer ends with its parent, which ends here.
 * @returns how many sessions this call ended
 */
export async function endUser(scope: Scope, userId: string, except: string | null): Promise<number> {
  const { engine, writes } = scope
  if (except !== null) await writes.detach(except, userId)
  return inBatches(async (after) => {
    const ending = createEnding(engine, 'revoked', engine.clock.now())
    const { ended, last } = await writes.endByUser(userId, ending, except, after, USER_BATCH)
    await publishEnds(scope, userId, ended, 'revoked')
    return { changed: ended.length, last }
  })
}

/** Makes all sessions of a user refresh, in batches. @returns how many */
export async function expireUser(scope: Scope, userId: string): Promise<number> {
  const { engine, writes } = scope
  return inBatches(async (after) => {
    const { raised, last } = await writes.raiseVersionByUser(userId, engine.clock.now(), after, USER_BATCH)
    await publishVersions(scope, raised)
    return { changed: raised.length, last }
  })
}

/** @param change changes the sessions after a position, and returns how many and where to continue */
async function inBatches(
  change: (after: Position | null) => Promise<{ changed: number; last: Position | null }>,
): Promise<number> {
  let total = 0
  let after: Position | null = null
  do {
    const { changed, last }: Awaited<ReturnType<typeof change>> = await change(after)
    total += changed
    after = last
  } while (after !== null)
  return total
}

/** Publishes the ends of several sessions of one user. */
export async function publishEnds(
  scope: Scope,
  userId: string,
  ended: readonly string[],
  reason: OwnEndReason,
): Promise<void> {
  if (ended.length === 0) return
  await afterCommit(scope, () => {
    for (const id of ended) publishEnd(scope.engine, id, userId, reason)
  })
}

/** Publishes new row versions, so that older access tokens must be refreshed. */
export function publishVersions(
  scope: Scope,
  sessions: readonly { readonly id: string; readonly version: number }[],
): Promise<void> {
  const { revocations, feed } = scope.engine
  if (sessions.length === 0) return Promise.resolve()
  return afterCommit(scope, () => {
    for (const { id, version } of sessions) revocations.addVersion(id, version)
    feed.notifyPeers()
  })
}

/**
 * Reads the row of a session that must be active.
 * @param grace how long after the idle expiry the session still counts as active, in ms
 * @throws SessionEndedError
 */
export async function assertStillActive(
  { engine, writes, autocommit }: Scope,
  sessionId: string,
  grace: number = engine.options.accessToken.lifetime,
): Promise<SessionRow> {
  let row: SessionRow | null = null
  if (isSessionId(sessionId)) {
    assertLive(engine, sessionId)
    // A transaction of the application must not stay open for repeated reads.
    row = autocommit ? await readRow(writes, sessionId) : await writes.read(sessionId)
  }
  // A new refresh token extends the row's idle expiry only when it is used. Until then its access token is valid.
  const extended = row === null ? null : { ...row, expiresAt: row.expiresAt + grace }
  assertActive(sessionId, extended, engine.clock.now())
  return row!
}
