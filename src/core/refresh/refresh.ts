import { timingSafeEqual } from 'node:crypto'
import { RefreshTokenReusedError, SessionEndedError, TryAgainError } from '../../portable/errors.ts'
import type { Engine } from '../engine.ts'
import { type NormalContext, normalizeContext, type RefreshContext, recordable } from '../request-context.ts'
import { type Decision, pendingLifetime, type Verdict } from '../rotation/decision.ts'
import { createEnding, publishEnd } from '../session/ending.ts'
import { assertLive, compareEnds, readRow } from '../session/rows.ts'
import type { SessionRow } from '../store.ts'
import { type IssuedToken, issueAccessToken, issueRefreshToken } from '../tokens/issue.ts'
import {
  assertGenuine,
  mintRefreshToken,
  type ParsedRefreshToken,
  type RefreshToken,
} from '../tokens/refresh-token.ts'
import { assertAllowed } from './allowance.ts'
import { confirmRenewal } from './confirm-renewal.ts'
import { assertUnexpired, type HeldSession, heldSession, judge } from './held-session.ts'
import { createTurn, expectedState, publishTurn } from './turn.ts'

const ATTEMPTS = 3
/** How many lost version changes of one session a refresh repairs. */
const MAX_REPAIRED_VERSIONS = 20

/** The answer to a refresh, and the row it was made from. */
export interface Refreshed {
  readonly row: SessionRow
  readonly accessToken: IssuedToken
  /** `null`: the client keeps the presented token. */
  readonly refreshToken: IssuedToken | null
}

/** Exchanges a refresh token, and emits `secretUnknown` for a token of an unknown secret. */
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
 * Reads the row, decides, writes and answers. The checks come in the order of the protocol: MAC, row, end, anchor,
 * absolute expiry, idle expiry, decision, limits. Each caller gets its own child: with a shared answer, a thief could follow
 * the owner undetected.
 */
async function exchange(
  engine: Engine,
  presented: ParsedRefreshToken,
  context: RefreshContext | undefined,
): Promise<Refreshed> {
  const { clock } = engine
  const arrivedAt = context?.arrivedAt ?? clock.now()
  const token = assertGenuine(presented)
  assertLive(engine, token.sessionId)
  const from = normalizeContext(context)
  let allowed = false

  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const row = await ensureRowVersion(engine, await readRow(engine.store, token.sessionId))
    compareEnds(engine, row)
    const held = heldSession(token, row)
    assertUnexpired(engine, token, held.session, arrivedAt)
    let decision = judge(engine, token, held, arrivedAt)
    // No limit applies to a refresh that would be refused: a thief must not be able to postpone being found.
    if (!allowed && decision.answer !== 'refuse') {
      await assertAllowed(engine, token, from)
      allowed = true
      decision = judge(engine, token, held, arrivedAt)
    }
    assertInTime(engine, arrivedAt, context?.signal)
    const updated = await applyDecision(engine, held, decision, from)
    if (updated === null) continue
    assertInTime(engine, arrivedAt, context?.signal)
    const answer = await createAnswer(engine, token, updated, decision, arrivedAt, from)
    // A slow key service must not make an answer that overtakes later ones in the cookie jar.
    assertInTime(engine, arrivedAt, context?.signal)
    const { id: sessionId, userId } = updated
    engine.events.emit('refreshed', { sessionId, userId, verdict: decision.verdict })
    return answer
  }
  // Other writers changed the row each time. That must not log anybody out.
  throw new TryAgainError()
}

/**
 * Raises the version of a row to the version that this process requires. A failover may have lost the commit that
 * raised it; all processes would then refuse every access token made from the row.
 */
async function ensureRowVersion(engine: Engine, row: SessionRow | null): Promise<SessionRow | null> {
  const { store, revocations, clock } = engine
  if (row === null || row.endReason !== null) return row
  const minimum = revocations.minimumVersion(row.id)
  if (row.version >= minimum) return row
  // In most cases the row was read just before it changed, so a second read is enough.
  let found = await store.read(row.id)
  for (
    let raised = 0;
    found !== null && found.version < minimum && raised < MAX_REPAIRED_VERSIONS;
    raised++
  ) {
    const version = await store.raiseVersion(row.id, clock.now())
    if (version === null) break
    found = { ...found, version }
  }
  return found ?? row
}

/** Carries a decision out. @returns the new row, or null if the row has changed and the decision must be repeated */
async function applyDecision(
  engine: Engine,
  held: HeldSession,
  decision: Decision,
  from: NormalContext,
): Promise<SessionRow | null> {
  const { store } = engine
  const { row, session, lineage } = held
  const { answer, next, verdict } = decision
  const { ip, userAgent } = recordable(from, engine.options.privacy)
  if (answer === 'try-again') throw new TryAgainError()
  if (answer === 'refuse') {
    if (!(await endByVerdict(engine, row, verdict, ip, userAgent))) return null
    throw verdict === 'reused'
      ? new RefreshTokenReusedError(row.id, row.userId)
      : new SessionEndedError(row.id, 'rollback')
  }
  if (next === undefined) return session
  if (verdict === 'sibling') {
    return (await store.switchSibling(expectedState(row), next)) ? { ...row, ...next } : null
  }
  const turn = createTurn(engine, session, next, { ip, userAgent })
  if (typeof lineage === 'object') return confirmRenewal(engine, held, lineage, turn)
  if (!(await store.turn(turn))) return null
  publishTurn(engine, row, turn, 'refresh')
  const { expiresAt, pruneAt } = turn
  return { ...row, ...next, expiresAt, pruneAt, ip: turn.ip, userAgent: turn.userAgent }
}

/** Ends a session because of a verdict. @returns false if the row has changed and the decision must be repeated */
export async function endByVerdict(
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

async function createAnswer(
  engine: Engine,
  token: RefreshToken,
  row: SessionRow,
  { answer, verdict, next }: Decision,
  now: number,
  context: NormalContext,
): Promise<Refreshed> {
  if (verdict === 'renewed' && next === undefined) {
    // Still pending: a short access token makes the client present the refresh token again soon.
    const atMost = pendingLifetime(engine.options.rotation)
    const issue = { generation: token.generation, twin: null, now, context, atMost }
    return { row, accessToken: await issueAccessToken(engine, row, issue), refreshToken: null }
  }
  if (answer === 'keep') {
    // If the row already records this token, the use of the access token proves nothing new.
    const isRecorded = row.generation === token.generation && timingSafeEqual(row.current, token.fingerprint)
    return {
      row,
      accessToken: await issueAccessToken(engine, row, {
        generation: token.generation,
        twin: isRecorded ? null : token,
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
