import { setTimeout as sleep } from 'node:timers/promises'
import { type AccessTokenFields, mintAccessToken } from './access-token.ts'
import type { Clock } from './clock.ts'
import { contextTag, type NormalContext, type RefreshContext } from './context.ts'
import { SessionEndedError, TryAgainError } from './errors.ts'
import type { Events } from './events.ts'
import type { Feed } from './feed.ts'
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
  readonly feed: Feed
}

/** A token handed to the client. */
export interface IssuedToken {
  readonly value: string
  readonly expiresAt: Date
}

/** Pauses before reading again a row that was not there: a distributed engine may be moving it. */
const REREAD_AFTER = [100, 300, 600]

const DAY = 86_400_000

/** An access token lives at most this part of the idle timeout. */
const IDLE_SHARE = 4

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
 * When the row of a live session may be deleted: a whole day. A refresh token issued just before `expiresAt`
 * and not yet seen in use is good for another idle timeout, so the row stays at least that long.
 *
 * And up to an eighth longer: raised with each turn, or on each day, it would cost an entry of every index,
 * which a turn does without. By default it is raised about once a week.
 *
 * @param now from when the row is kept
 * @param before what it was until now
 */
export function pruneTime(
  engine: Engine,
  row: Pick<SessionRow, 'idleTimeout' | 'absoluteExpiresAt'>,
  expiresAt: number,
  now: number,
  before = 0,
): number {
  const { keepEnded } = engine.options
  const last = (row.absoluteExpiresAt ?? Number.POSITIVE_INFINITY) + keepEnded
  const least = Math.min(expiresAt + Math.max(keepEnded, idleTimeoutOf(engine, row)), last)
  const most = Math.ceil(Math.min(least + (least - now) / 8, last) / DAY) * DAY
  return least <= before && before <= most ? before : most
}

export function ending({ options }: Engine, reason: EndReason, at: number): Ending {
  return { reason, at, pruneAt: at + options.keepEnded }
}

/** After the store has ended a session: every process is told, this one refuses its tokens at once, listeners hear of it. */
export function announceEnd(
  { revocations, feed, events }: Engine,
  sessionId: string,
  userId: string,
  reason: EndReason,
): void {
  feed.tell()
  revocations.ended(sessionId, reason)
  events.emit('ended', { sessionId, userId, reason })
}

/** After the store has written a turn. */
export function announceTurn({ events }: Engine, row: SessionRow, turn: Turn, by: 'refresh' | 'use'): void {
  const { id: sessionId, userId } = row
  const { generation } = turn.next
  events.emit('turned', { sessionId, userId, generation, by })
  if (generation > row.generation + 1)
    events.emit('rolledBack', { sessionId, userId, from: row.generation, to: generation })
  const { ip, userAgent } = turn
  if ((row.ip !== null && ip !== row.ip) || (row.userAgent !== null && userAgent !== row.userAgent)) {
    const from = { ip: row.ip, userAgent: row.userAgent }
    events.emit('contextChanged', { sessionId, userId, from, to: { ip, userAgent } })
  }
}

export function turnOf(engine: Engine, row: SessionRow, next: RotationState, seen: NormalContext): Turn {
  const { recordIp, recordUserAgent } = engine.options
  const expiresAt = idleExpiry(engine, row, next.turnedAt)
  return {
    expected: { id: row.id, generation: row.generation, current: row.current },
    next,
    expiresAt,
    pruneAt: pruneTime(engine, row, expiresAt, next.turnedAt, row.pruneAt),
    ip: recordIp === 'none' ? null : (seen.ip ?? row.ip),
    userAgent: recordUserAgent ? (seen.userAgent ?? row.userAgent) : null,
  }
}

/** What an access token says besides what the row does. */
export interface Issue {
  readonly generation: number
  /** The refresh token it goes with; null when the row already records it. */
  readonly twin: Presented | null
  readonly now: number
  /** Where it is issued to; null for nowhere in particular. */
  readonly context: NormalContext | null
  /** A shorter life, in ms. */
  readonly atMost?: number
}

export async function issueAccessToken(engine: Engine, row: SessionRow, issue: Issue): Promise<IssuedToken> {
  const { options, ring } = engine
  const lifetime = options.accessTokenLifetime * (1 - 0.05 * Math.random())
  const fields = accessTokenFields(
    engine,
    row,
    issue,
    Math.min(lifetime, issue.atMost ?? Number.POSITIVE_INFINITY),
  )
  const value = await mintAccessToken(await ring.signer(), options.profile, fields)
  return { value, expiresAt: new Date(fields.expiresAt) }
}

export function accessTokenFields(
  engine: Engine,
  row: SessionRow,
  { generation, twin, now, context }: Omit<Issue, 'atMost'>,
  lifetime: number,
): AccessTokenFields {
  const { options } = engine
  // Being active is noticed when a token is renewed. One that lived as long as the idle timeout would have
  // a session end under a user who never paused.
  const noticed = idleTimeoutOf(engine, row) / IDLE_SHARE
  // Whole seconds, rounded up so that a lifetime of a second is one; the absolute expiry is never passed.
  const idle = Math.ceil((now + Math.min(lifetime, noticed)) / 1000)
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
    contextTag:
      options.onContextChange === 'refresh' && context !== null
        ? contextTag(options.secrets[0], row.id, context)
        : null,
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
