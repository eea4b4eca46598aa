import { timingSafeEqual } from 'node:crypto'
import { RefreshTokenInvalidError, SessionEndedError } from '../../portable/errors.ts'
import type { Engine } from '../engine.ts'
import { type Decision, decide, decideRenewal } from '../rotation/decision.ts'
import { idleTimeoutOf } from '../session/lifetime.ts'
import { findRenewal, wasRenewed, withRenewal } from '../session/renewal.ts'
import { assertNotEnded } from '../session/rows.ts'
import type { Renewal, SessionRow } from '../store.ts'
import { fingerprint, type RefreshToken } from '../tokens/refresh-token.ts'

/** The session that a refresh token belongs to. */
export interface HeldSession {
  readonly row: SessionRow
  /** The row as the holder of the token sees it. */
  readonly session: SessionRow
  /** The pending renewal that the token comes from, or the lineage of the token. */
  readonly lineage: Renewal | 'current' | 'replaced'
}

/**
 * @throws SessionEndedError, also for a token of a lineage that a reauthentication has replaced
 * @throws RefreshTokenInvalidError for a token that a leaked secret has forged
 */
export function heldSession(token: RefreshToken, row: SessionRow | null): HeldSession {
  if (row === null) throw new SessionEndedError(token.sessionId, 'unknown')
  assertNotEnded(row)
  const anchorHash = fingerprint(token.anchor)
  if (timingSafeEqual(anchorHash, row.anchorHash)) return { row, session: row, lineage: 'current' }
  const renewal = findRenewal(row, anchorHash)
  if (renewal !== null) return { row, session: withRenewal(row, renewal), lineage: renewal }
  if (!wasRenewed(row)) throw new RefreshTokenInvalidError()
  if (row.reuseSince === null || token.issuedAt < row.reuseSince)
    throw new SessionEndedError(token.sessionId, 'replaced')
  return { row, session: row, lineage: 'replaced' }
}

/** @throws SessionEndedError */
export function assertUnexpired(engine: Engine, token: RefreshToken, session: SessionRow, now: number): void {
  const { id, expiresAt, absoluteExpiresAt } = session
  if (absoluteExpiresAt !== null && now >= absoluteExpiresAt) throw new SessionEndedError(id, 'absolute')
  // The row records activity only when a token is used. Its holder was also active when this token was issued.
  const idleExpiresAt = Math.max(expiresAt, token.issuedAt + idleTimeoutOf(engine, session))
  if (now >= idleExpiresAt) throw new SessionEndedError(id, 'idle')
}

/** Decides by the lineage of the token. */
export function judge(
  { options, clock }: Engine,
  token: RefreshToken,
  { row, lineage }: HeldSession,
  arrivedAt: number,
): Decision {
  if (lineage === 'replaced') return { verdict: 'reused', answer: 'refuse' }
  if (lineage === 'current') return decide(token, row, options.rotation, arrivedAt, clock.now())
  return decideRenewal(token, lineage.at, options.rotation, arrivedAt, clock.now())
}
