import { timingSafeEqual } from 'node:crypto'
import {
  RefreshTokenInvalidError,
  RefreshTokenReusedError,
  SessionEndedError,
  TryAgainError,
} from '../../portable/errors.ts'
import type { Engine } from '../engine.ts'
import { reportThrown } from '../observability/events.ts'
import { type Decision, decide, type Verdict } from '../protocol/rotation.ts'
import { type NormalContext, normalizeContext, type RefreshContext, recordable } from '../request-context.ts'
import { createEnding, publishEnd } from '../session/ending.ts'
import { idleTimeoutOf } from '../session/lifetime.ts'
import { assertNotEnded, readRow, recordEnd } from '../session/rows.ts'
import type { SessionRow } from '../store.ts'
import { type IssuedToken, issueAccessToken, issueRefreshToken } from '../tokens/issue.ts'
import {
  assertGenuine,
  fingerprint,
  mintRefreshToken,
  type ParsedRefreshToken,
  type RefreshToken,
} from '../tokens/refresh-token.ts'
import { createTurn, expectedState, publishTurn } from './turn.ts'

const ATTEMPTS = 3
/** How many lost changes of one session are made up for in one refresh. */
const MOST_RAISED = 20

/** A refresh that was answered, with the row it was answered from. */
export interface Refreshed {
  readonly row: SessionRow
  readonly accessToken: IssuedToken
  /** `null`: the presented one stays. */
  readonly refreshToken: IssuedToken | null
}

/** Exchanges a refresh token. Reports a token of an unknown secret. */
export function refresh(
  engine: Engine,
  presented: ParsedRefreshToken,
  context: RefreshContext | undefined,
): Promise<Refreshed> {
  const { options, events } = engine
  return options.telemetry.trace('refresh', async () => {
    try {
      return await exchange(engine, presented, context)
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ERR_SECRET_UNKNOWN') events.emit('secretUnknown', {})
      throw error
    }
  })
}

/**
 * One refresh: token, row, decision, write, answer. The checks come in the order of the protocol: MAC, row,
 * anchor, ended, absolute expiry, idle expiry, decision. Every caller gets a child of its own: a shared
 * answer would let a thief stay in step with the owner.
 */
async function exchange(
  engine: Engine,
  presented: ParsedRefreshToken,
  context: RefreshContext | undefined,
): Promise<Refreshed> {
  const { clock, revocations } = engine
  const arrivedAt = context?.arrivedAt ?? clock.now()
  const token = assertGenuine(presented)
  revocations.assertLive(token.sessionId)
  const from = normalizeContext(context)
  await assertAllowed(engine, token.sessionId, from)

  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const row = await caughtUp(engine, await readRow(engine.store, token.sessionId))
    recordEnd(engine, row)
    assertMayRefresh(engine, token, row, arrivedAt)
    assertInTime(engine, arrivedAt, context?.signal)
    const decision = decide(token, row, engine.options.rotation, arrivedAt, clock.now())
    const after = await apply(engine, row, decision, from)
    if (after === null) continue
    assertInTime(engine, arrivedAt, context?.signal)
    return answer(engine, token, after, decision, arrivedAt, from)
  }
  // The row kept moving, or the engine kept returning nothing for it: never a reason to log anyone out.
  throw new TryAgainError()
}

/**
 * A failover may have lost the commit that raised the version, which processes go on asking for: every access
 * token made from the row would be refused. So the row is raised to what is known.
 */
async function caughtUp(engine: Engine, row: SessionRow | null): Promise<SessionRow | null> {
  const { store, revocations, clock } = engine
  if (row === null || row.endReason !== null) return row
  const minimum = revocations.minimumVersion(row.id)
  if (row.version >= minimum) return row
  // More likely the row was read a moment before it changed.
  let found = await store.read(row.id)
  for (let raised = 0; found !== null && found.version < minimum && raised < MOST_RAISED; raised++) {
    const version = await store.raiseVersion(row.id, clock.now())
    if (version === null) break
    found = { ...found, version }
  }
  return found ?? row
}

/**
 * By Pawl's own limit and by the application's. Only a genuine token comes this far.
 * @throws TryAgainError
 */
async function assertAllowed(
  { options, events, refreshLimit }: Engine,
  sessionId: string,
  from: NormalContext,
): Promise<void> {
  try {
    refreshLimit.count(sessionId)
  } catch (error) {
    events.emit('refreshLimited', { sessionId, reason: 'refreshesPerMinute' })
    throw error
  }
  if (options.limits.allowRefresh === null) return
  let allowed = true
  try {
    allowed = await options.limits.allowRefresh({ sessionId, ...from })
  } catch (error) {
    reportThrown('`allowRefresh`', error)
  }
  if (allowed) return
  events.emit('refreshLimited', { sessionId, reason: 'allowRefresh' })
  throw new TryAgainError()
}

function assertMayRefresh(
  engine: Engine,
  token: RefreshToken,
  row: SessionRow | null,
  now: number,
): asserts row is SessionRow {
  if (row === null) throw new SessionEndedError(token.sessionId, 'unknown')
  if (!timingSafeEqual(fingerprint(token.anchor), row.anchorHash)) throw new RefreshTokenInvalidError()
  assertNotEnded(row)
  if (row.absoluteExpiresAt !== null && now >= row.absoluteExpiresAt)
    throw new SessionEndedError(row.id, 'absolute')
  // A token not yet seen in use has not pushed the row's expiry, but its holder was there when it was issued.
  const idleExpiresAt = Math.max(row.expiresAt, token.issuedAt + idleTimeoutOf(engine, row))
  if (now >= idleExpiresAt) throw new SessionEndedError(row.id, 'idle')
}

/** @returns the row as it is now; null when it changed under the decision, which must then be made again */
async function apply(
  engine: Engine,
  row: SessionRow,
  decision: Decision,
  from: NormalContext,
): Promise<SessionRow | null> {
  const { store } = engine
  const { answer, next, verdict } = decision
  const { ip, userAgent } = recordable(from, engine.options.privacy)
  if (answer === 'try-again') throw new TryAgainError()
  if (answer === 'refuse') {
    if (!(await refuse(engine, row, verdict, ip, userAgent))) return null
    throw verdict === 'reused'
      ? new RefreshTokenReusedError(row.id, row.userId)
      : new SessionEndedError(row.id, 'rollback')
  }
  if (next === undefined) return row
  if (verdict === 'sibling') {
    return (await store.switchSibling(expectedState(row), next)) ? { ...row, ...next } : null
  }
  const turn = createTurn(engine, row, next, { ip, userAgent })
  if (!(await store.turn(turn))) return null
  publishTurn(engine, row, turn, 'refresh')
  const { expiresAt, pruneAt } = turn
  return { ...row, ...next, expiresAt, pruneAt, ip: turn.ip, userAgent: turn.userAgent }
}

/** Ends a session by a verdict. @returns false when the row has changed: decide again */
export async function refuse(
  engine: Engine,
  row: SessionRow,
  verdict: Verdict,
  ip: string | null,
  userAgent: string | null,
): Promise<boolean> {
  const reason = verdict === 'reused' ? 'reuse' : 'rollback'
  const ending = createEnding(engine, reason, engine.clock.now())
  if ((await engine.store.end(row.id, ending, expectedState(row))) === null) return false
  if (reason === 'reuse')
    engine.events.emit('reused', { sessionId: row.id, userId: row.userId, ip, userAgent })
  publishEnd(engine, row.id, row.userId, reason)
  return true
}

async function answer(
  engine: Engine,
  token: RefreshToken,
  row: SessionRow,
  { answer, verdict }: Decision,
  now: number,
  context: NormalContext,
): Promise<Refreshed> {
  engine.events.emit('refreshed', { sessionId: row.id, userId: row.userId, verdict })
  if (answer === 'keep') {
    // Where the row already records the token, its use proves nothing new.
    const recorded = row.generation === token.generation && timingSafeEqual(row.current, token.fingerprint)
    return {
      row,
      accessToken: await issueAccessToken(engine, row, {
        generation: token.generation,
        twin: recorded ? null : token,
        now,
        context,
      }),
      refreshToken: null,
    }
  }
  const child = mintRefreshToken(engine.options.secrets, {
    sessionId: row.id,
    generation: token.generation + 1,
    issuedAt: now,
    parent: token.fingerprint,
    anchor: token.anchor,
  })
  return {
    row,
    accessToken: await issueAccessToken(engine, row, {
      generation: child.generation,
      twin: child,
      now,
      context,
    }),
    refreshToken: issueRefreshToken(engine, row, child),
  }
}

/** @throws TryAgainError if the client has disconnected, or the request has been under way too long to decide anything */
function assertInTime(engine: Engine, arrivedAt: number, signal: RefreshContext['signal']): void {
  if (signal?.aborted === true || engine.clock.now() - arrivedAt > engine.options.decideWithin)
    throw new TryAgainError()
}
