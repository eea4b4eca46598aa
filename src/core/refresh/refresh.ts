import { timingSafeEqual } from 'node:crypto'
import type { ClaimsObject } from '../../portable/claims.ts'
import {
  DeviceProofRequiredError,
  isSessionsError,
  RefreshTokenReusedError,
  SessionEndedError,
  TryAgainError,
} from '../../portable/errors.ts'
import { checkDevice, nextChallenge, readProof } from '../device/device-check.ts'
import { permits } from '../device/vouching.ts'
import type { Engine } from '../engine.ts'
import { assertWrites } from '../read-only.ts'
import { type NormalContext, normalizeContext, type RefreshContext, recordable } from '../request-context.ts'
import { type Decision, type Presented, pendingLifetime, type Verdict } from '../rotation/decision.ts'
import { createEnding, endInRefresh, publishEnd } from '../session/ending.ts'
import { assertRowsVisible } from '../session/missing-row.ts'
import { continueWithAncestors } from '../session/parent.ts'
import { assertLive, compareEnds, readRow } from '../session/rows.ts'
import { assertNotOutdated, readForToken, type StoredValues } from '../session/stored-values.ts'
import type { SessionRow } from '../store.ts'
import { type Issue, type IssuedToken, issueAccessToken, issueRefreshToken } from '../tokens/issue.ts'
import {
  assertGenuine,
  mintRefreshToken,
  type ParsedRefreshToken,
  type RefreshToken,
} from '../tokens/refresh-token.ts'
import { assertAllowed } from './allowance.ts'
import { confirmRenewal } from './confirm-renewal.ts'
import { assertUnexpired, type HeldSession, heldSession, judge } from './held-session.ts'
import { computeClaims } from './refresh-claims.ts'
import { createTurn, expectedState, publishTurn, publishVersion } from './turn.ts'

const ATTEMPTS = 3
/** How many lost version changes of one session a refresh repairs. */
const MAX_REPAIRED_VERSIONS = 20

/** The answer to a refresh, and the row it was made from. */
export interface Refreshed {
  /** With the output of the schemas. */
  readonly row: SessionRow
  /** Whether a schema refuses the claims or data of the row. */
  readonly stale: boolean
  /** The sessions that this one ends with, its parent first. */
  readonly ancestors: readonly string[]
  readonly accessToken: IssuedToken
  /** `null`: the client keeps the presented token. */
  readonly refreshToken: IssuedToken | null
  /** What the next proof of the device signs; `null` if the session is not bound. */
  readonly challenge: string | null
}

/** Exchanges a refresh token, and emits `secretUnknown` for a token of an unknown secret. */
export function refresh(
  engine: Engine,
  presented: ParsedRefreshToken,
  context: RefreshContext | undefined,
): Promise<Refreshed> {
  const { options, events } = engine
  return options.telemetry.trace('refresh', async () => {
    assertWrites(engine.store)
    try {
      return await exchange(engine, presented, context)
    } catch (error) {
      const isOfUnknownSecret =
        presented.token === null && isSessionsError(error) && error.code === 'ERR_SECRET_UNKNOWN'
      if (isOfUnknownSecret) events.emit('secretUnknown', {})
      throw error
    }
  })
}

/**
 * Reads the row, decides, writes and answers. The checks come in the order of the protocol: MAC, row, end, anchor,
 * absolute expiry, idle expiry, ancestors, device, decision, limits, claims, schemas. Each caller gets its own child: with a shared answer, a
 * thief could follow the owner undetected.
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
  const proof = readProof(engine, token, context?.proof)
  let allowed = false
  /** The version of the row to which this refresh has written the claims that the application computed. */
  let writtenVersion: number | null = null
  let version: number | null = null

  for (let attempt = 1; attempt <= ATTEMPTS + Number(writtenVersion !== null); attempt++) {
    const row = await ensureRowVersion(engine, await readRow(engine.store, token.sessionId))
    compareEnds(engine, row)
    // An expired token has no row in any case.
    if (row === null && arrivedAt < token.issuedAt + engine.options.idleTimeout)
      await assertRowsVisible(engine)
    let held = heldSession(token, row)
    // The write of the attempt before may have succeeded although its answer was lost.
    if (version !== null && held.row.version > version) publishVersion(engine, held.row)
    version = held.row.version
    assertUnexpired(engine, token, held.session, arrivedAt)
    const ancestors = await continueWithAncestors(engine, held.row, arrivedAt)
    const device = await checkDevice(engine, token, held.session, proof, context ?? {}, from, arrivedAt)
    held = withDevice(held, device.device)
    let decision = judge(engine, token, held, arrivedAt)
    // The device of the owner makes a newer proof.
    if (!permits(device.vouching, decision))
      throw new DeviceProofRequiredError(nextChallenge(engine, held.row, token), held.row.device?.kind)
    let values: StoredValues = { row: held.session, refusal: null }
    // Nothing of this applies to a refresh that would be refused: a thief must not be able to postpone being found.
    if (decision.answer !== 'refuse') {
      if (!allowed) await assertAllowed(engine, token, from)
      allowed = true
      if (decision.answer === 'try-again') throw new TryAgainError()
      values = await readForToken(engine, held.session)
      if (engine.options.refreshClaims !== null && held.row.version !== writtenVersion) {
        const outcome = await computeClaims(engine, held.session, values)
        assertInTime(engine, arrivedAt, context?.signal)
        if (outcome.kind === 'end') return await endInRefresh(engine, held.row, 'revoked')
        if (outcome.kind === 'changed') {
          if (await replaceClaims(engine, held, outcome.claims)) writtenVersion = held.row.version + 1
          continue
        }
      }
      reportMismatch(engine, values)
      assertNotOutdated(engine, values)
      decision = judge(engine, token, held, arrivedAt)
      if (!permits(device.vouching, decision)) continue
    }
    assertInTime(engine, arrivedAt, context?.signal)
    const updated = await applyDecision(engine, held, decision, from)
    if (updated === null) continue
    assertInTime(engine, arrivedAt, context?.signal)
    const { claims, data } = values.row
    const until = Math.min(device.until, ancestors.until)
    const issue = { now: arrivedAt, context: from, until, ancestors: ancestors.ids }
    const answer = await createAnswer(engine, token, { ...updated, claims, data }, decision, issue)
    // A slow key service must not make an answer that overtakes later ones in the cookie jar.
    assertInTime(engine, arrivedAt, context?.signal)
    const { id: sessionId, userId } = updated
    engine.events.emit('refreshed', { sessionId, userId, verdict: decision.verdict })
    return { ...answer, stale: values.refusal !== null }
  }
  // Other writers changed the row each time. That must not log anybody out.
  throw new TryAgainError()
}

/** The session with the row that the device check may have bound. */
function withDevice(held: HeldSession, device: SessionRow['device']): HeldSession {
  if (held.row.device === device) return held
  return { ...held, row: { ...held.row, device }, session: { ...held.session, device } }
}

/** Writes claims that the application computed. @returns false if the row has changed and the refresh must be repeated */
async function replaceClaims(
  engine: Engine,
  { row, lineage }: HeldSession,
  claims: ClaimsObject,
): Promise<boolean> {
  const { store, clock } = engine
  const { id, version, renewals } = row
  // Claims of a pending renewal stay with its holder: they may be rights that no copy of an older token may get.
  const isOwn = typeof lineage === 'object' && lineage.claims !== null
  const next = isOwn ? renewals.map((other) => (other === lineage ? { ...other, claims } : other)) : renewals
  const at = clock.now()
  const written = { claims: isOwn ? row.claims : claims, next, at }
  if (!(await store.replaceClaims({ id, version, renewals, ...written }))) return false
  publishVersion(engine, { id, version: version + 1 })
  return true
}

function reportMismatch({ events }: Engine, { row, refusal }: StoredValues): void {
  if (refusal === null) return
  events.emit('schemaMismatch', { sessionId: row.id, userId: row.userId, path: refusal.path })
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
  const ending = {
    ...createEnding(engine, reason, engine.clock.now()),
    ...(reason === 'reuse' && { presenter: { ip, userAgent } }),
  }
  if ((await engine.store.end(row.id, ending, expectedState(row))) === null) return false
  if (reason === 'reuse')
    engine.events.emit('reused', { sessionId: row.id, userId: row.userId, ip, userAgent })
  publishEnd(engine, row.id, row.userId, reason)
  return true
}

interface AnswerIssue extends Pick<Issue, 'now' | 'ancestors'> {
  readonly context: NormalContext
  /** When the access token expires at the latest, in ms. */
  readonly until: number
}

async function createAnswer(
  engine: Engine,
  token: RefreshToken,
  row: SessionRow,
  { answer, verdict, next }: Decision,
  { now, context, until, ancestors }: AnswerIssue,
): Promise<Omit<Refreshed, 'stale'>> {
  const atMost = until - now
  /** @param held the refresh token that the client holds from now on; @param twin null if its use proves nothing */
  const accessTokenFor = (
    held: Presented,
    twin: Presented | null,
    lifetime = atMost,
  ): Promise<IssuedToken> => {
    // In a bound session only a refresh with a proof is evidence.
    const evidence = row.device === null ? twin : null
    const issue = { generation: held.generation, twin: evidence, now, context, ancestors, atMost: lifetime }
    return issueAccessToken(engine, row, issue)
  }
  if (answer === 'keep') {
    // Still pending: a short access token makes the client present the refresh token again soon.
    const isPending = verdict === 'renewed' && next === undefined
    const lifetime = isPending ? Math.min(pendingLifetime(engine.options.rotation), atMost) : atMost
    // If the row already records this token, the use of the access token proves nothing new.
    const isRecorded = row.generation === token.generation && timingSafeEqual(row.current, token.fingerprint)
    const twin = isPending || isRecorded ? null : token
    const accessToken = await accessTokenFor(token, twin, lifetime)
    return { row, ancestors, accessToken, refreshToken: null, challenge: nextChallenge(engine, row, token) }
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
    ancestors,
    accessToken: await accessTokenFor(child, child),
    refreshToken: issueRefreshToken(engine, row, child),
    challenge: nextChallenge(engine, row, child),
  }
}

/** @throws TryAgainError if the client has disconnected, or the request has been under way too long to decide anything */
function assertInTime(engine: Engine, arrivedAt: number, signal: RefreshContext['signal']): void {
  if (signal?.aborted === true || engine.clock.now() - arrivedAt > engine.options.decideWithin)
    throw new TryAgainError()
}
