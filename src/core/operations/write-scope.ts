import { isSessionId } from '../../portable/session-id.ts'
import type { Engine } from '../engine.ts'
import { announceEnd, ending } from '../session/ending.ts'
import { assertActive, readRow } from '../session/rows.ts'
import type { EndReason, SessionRow, SessionWrites } from '../store.ts'

/** Where writes go: the store itself, or a transaction of the caller's. */
export interface Scope {
  readonly engine: Engine
  readonly writes: SessionWrites
  /** Whether they commit by themselves, so that this process may act on them at once. */
  readonly own: boolean
}

export const MAX_USER_ID = 255

/**
 * After a write that other processes must hear of. In a transaction of the caller's nothing has happened
 * until it commits, which is when the database passes the message on.
 */
export async function told({ engine, writes, own }: Scope, announce: () => void): Promise<void> {
  if (own) announce()
  else if (engine.feed.canTell) await writes.notify()
}

/** Ends a session. @returns whether this call ended it */
export async function endSession(scope: Scope, sessionId: string, reason: EndReason): Promise<boolean> {
  if (!isSessionId(sessionId)) return false
  const { engine, writes } = scope
  const userId = await writes.end(sessionId, ending(engine, reason, engine.clock.now()))
  if (userId === null) return false
  await told(scope, () => announceEnd(engine, sessionId, userId, reason))
  return true
}

/** Ends all sessions of a user but `except`. @returns how many this call ended */
export async function endUser(scope: Scope, userId: string, except: string | null): Promise<number> {
  const { engine, writes } = scope
  const ended = await writes.endByUser(userId, ending(engine, 'revoked', engine.clock.now()), except)
  if (ended.length === 0) return 0
  await told(scope, () => {
    for (const id of ended) announceEnd(engine, id, userId, 'revoked')
  })
  return ended.length
}

/** Sessions have new versions: older access tokens must be refreshed. */
export function changed(
  scope: Scope,
  sessions: readonly { readonly id: string; readonly version: number }[],
): Promise<void> {
  const { revocations, feed } = scope.engine
  return told(scope, () => {
    for (const { id, version } of sessions) revocations.changed(id, version)
    feed.tell()
  })
}

/**
 * Nothing was written although nothing else was in the way: says why, or answers the row.
 * @throws SessionEndedError
 */
export async function assertStillActive(
  { engine, writes, own }: Scope,
  sessionId: string,
  grace: number = engine.options.accessToken.lifetime,
): Promise<SessionRow> {
  let row: SessionRow | null = null
  // A transaction of the caller's is not kept open to read again.
  if (isSessionId(sessionId)) row = own ? await readRow(writes, sessionId) : await writes.read(sessionId)
  // A refresh token not yet seen in use has not pushed the row's idle expiry: its access token is proof enough.
  const alive = row === null ? null : { ...row, expiresAt: row.expiresAt + grace }
  assertActive(sessionId, alive, engine.clock.now())
  return row!
}

/** @throws TypeError */
export function checkUserId(userId: unknown): string {
  if (typeof userId !== 'string' || userId === '' || userId.length > MAX_USER_ID) {
    throw new TypeError(`\`userId\` takes a string of 1 to ${MAX_USER_ID} characters`)
  }
  if (userId.includes('\0') || !userId.isWellFormed())
    throw new TypeError('`userId` takes well-formed text without U+0000')
  return userId
}
