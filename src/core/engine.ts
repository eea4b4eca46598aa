import { setTimeout as sleep } from 'node:timers/promises'
import { type AccessTokenFields, mintAccessToken } from './access-token.ts'
import type { Clock } from './clock.ts'
import type { RefreshContext } from './context.ts'
import { SessionEndedError, TryAgainError } from './errors.ts'
import type { Events } from './events.ts'
import type { KeyRing } from './key-ring.ts'
import type { ResolvedOptions } from './options.ts'
import type { MintedRefreshToken } from './refresh-token.ts'
import type { Revocations } from './revocations.ts'
import type { Presented, RotationState } from './rotation.ts'
import { expiryReason } from './session.ts'
import type { Ending, EndReason, SessionRow, Store, Turn } from './store.ts'

/** What the parts of one `Sessions` share. */
export interface Engine {
  readonly options: ResolvedOptions
  readonly store: Store
  readonly clock: Clock
  readonly events: Events
  readonly ring: KeyRing
  readonly revocations: Revocations
}

/** A token handed to the client. */
export interface IssuedToken {
  readonly value: string
  readonly expiresAt: Date
}

/** Pauses before reading again a row that was not there: a distributed engine may be moving it. */
const REREAD_AFTER = [100, 300, 600]

/** @returns null only after reading four times over a second */
export async function readRow(store: Pick<Store, 'read'>, sessionId: string): Promise<SessionRow | null> {
  let row = await store.read(sessionId)
  for (const pause of REREAD_AFTER) {
    if (row !== null) break
    await sleep(pause)
    row = await store.read(sessionId)
  }
  return row
}

/** @throws SessionEndedError when the row is gone, ended or expired */
export function assertActive(
  sessionId: string,
  row: SessionRow | null,
  now: number,
): asserts row is SessionRow {
  if (row === null) throw new SessionEndedError(sessionId, 'unknown')
  assertNotEnded(row)
  const expired = expiryReason(row, now)
  if (expired !== null) throw new SessionEndedError(sessionId, expired)
}

export function assertNotEnded(row: SessionRow): void {
  if (row.endReason !== null) throw new SessionEndedError(row.id, row.endReason)
}

/** A session that was read to have ended has ended for its access tokens too. Never for a row that may not be committed. */
export function learnFrom({ revocations }: Engine, row: SessionRow | null): void {
  if (row !== null && row.endReason !== null) revocations.ended(row.id, row.endReason)
}

export function idleTimeoutOf({ options }: Engine, row: Pick<SessionRow, 'idleTimeout'>): number {
  return row.idleTimeout ?? options.idleTimeout
}

/** Idle expiry from `from` on; never past the absolute expiry. */
export function idleExpiry(
  engine: Engine,
  row: Pick<SessionRow, 'idleTimeout' | 'absoluteExpiresAt'>,
  from: number,
): number {
  return Math.min(from + idleTimeoutOf(engine, row), row.absoluteExpiresAt ?? Number.POSITIVE_INFINITY)
}

/**
 * When the row of a live session may be deleted. A refresh token issued just before `expiresAt` and not
 * yet seen in use is good for another idle timeout, so the row stays at least that long.
 */
export function pruneTime(
  engine: Engine,
  row: Pick<SessionRow, 'idleTimeout' | 'absoluteExpiresAt'>,
  expiresAt: number,
): number {
  const { keepEnded } = engine.options
  return Math.min(
    expiresAt + Math.max(keepEnded, idleTimeoutOf(engine, row)),
    (row.absoluteExpiresAt ?? Number.POSITIVE_INFINITY) + keepEnded,
  )
}

export function ending({ options }: Engine, reason: EndReason, at: number): Ending {
  return { reason, at, pruneAt: at + options.keepEnded }
}

/** After the store has ended a session: this process refuses its tokens at once, and listeners hear of it. */
export function announceEnd({ revocations, events }: Engine, sessionId: string, reason: EndReason): void {
  revocations.ended(sessionId, reason)
  events.emit('ended', { sessionId, reason })
}

export function turnOf(
  engine: Engine,
  row: SessionRow,
  next: RotationState,
  seen: { readonly seenAt: number; readonly ip: string | null; readonly userAgent: string | null },
): Turn {
  const expiresAt = idleExpiry(engine, row, seen.seenAt)
  return {
    expected: { id: row.id, generation: row.generation, current: row.current },
    next,
    seenAt: seen.seenAt,
    expiresAt,
    pruneAt: pruneTime(engine, row, expiresAt),
    ip: seen.ip ?? row.ip,
    userAgent: seen.userAgent ?? row.userAgent,
  }
}

/**
 * @param twin the refresh token it goes with; null when the row already records it
 * @param atMost a shorter life, in ms
 */
export async function issueAccessToken(
  engine: Engine,
  row: SessionRow,
  generation: number,
  twin: Presented | null,
  now: number,
  atMost: number = Number.POSITIVE_INFINITY,
): Promise<IssuedToken> {
  const { options, ring } = engine
  const fields = accessTokenFields(
    engine,
    row,
    generation,
    twin,
    now,
    Math.min(options.accessTokenLifetime * (1 - 0.05 * Math.random()), atMost),
  )
  const value = await mintAccessToken(await ring.signer(), options.profile, fields)
  return { value, expiresAt: new Date(fields.expiresAt) }
}

export function accessTokenFields(
  engine: Engine,
  row: SessionRow,
  generation: number,
  twin: Presented | null,
  now: number,
  lifetime: number,
): AccessTokenFields {
  // Whole seconds, rounded up so that a lifetime of a second is one; the absolute expiry is never passed.
  const idle = Math.ceil(Math.min(now + lifetime, now + idleTimeoutOf(engine, row)) / 1000)
  const absolute = Math.floor((row.absoluteExpiresAt ?? Number.POSITIVE_INFINITY) / 1000)
  return {
    sessionId: row.id,
    userId: row.userId,
    version: row.version,
    authTime: row.authTime,
    issuedAt: now,
    expiresAt: Math.min(idle, absolute) * 1000,
    generation,
    twin,
    claims: row.claims,
  }
}

export function issueRefreshToken(engine: Engine, row: SessionRow, token: MintedRefreshToken): IssuedToken {
  return { value: token.value, expiresAt: new Date(idleExpiry(engine, row, token.issuedAt)) }
}

/** @throws TryAgainError when the request has been under way too long, or its client is gone, to decide anything */
export function assertInTime(engine: Engine, arrivedAt: number, signal: RefreshContext['signal']): void {
  if (signal?.aborted === true || engine.clock.now() - arrivedAt > engine.options.decideWithin)
    throw new TryAgainError()
}
