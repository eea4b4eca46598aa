import type { Actor } from '../../portable/actor.ts'
import {
  AccessTokenExpiredError,
  ActingRefusedError,
  SessionEndedError,
  TryAgainError,
} from '../../portable/errors.ts'
import type { ClaimsField } from '../../portable/json-types.ts'
import { methodOptions } from '../../portable/options/method-options.ts'
import { newSessionId } from '../../portable/session-id.ts'
import { checkUserId } from '../../portable/user-id.ts'
import type { VerifiedToken } from '../../portable/verified-token.ts'
import type { Engine } from '../engine.ts'
import { randomBytes } from '../keys/random.ts'
import { assertWrites } from '../read-only.ts'
import type { Refreshed } from '../refresh/refresh.ts'
import { type NormalContext, normalizeContext, type RequestContext, recordable } from '../request-context.ts'
import { pendingLifetime } from '../rotation/decision.ts'
import { idleExpiry, pruneTime } from '../session/lifetime.ts'
import { assertRowsVisible } from '../session/missing-row.ts'
import { newRow } from '../session/new-row.ts'
import { requireAncestors } from '../session/parent.ts'
import { assertActive, assertNotEnded, compareEnds, readRow } from '../session/rows.ts'
import { readForToken } from '../session/stored-values.ts'
import type { SessionRow } from '../store.ts'
import { mintAccessToken } from '../tokens/access-token.ts'
import { assertClaimsFit, type IssuedToken, issueAccessToken } from '../tokens/issue.ts'
import { fingerprint } from '../tokens/refresh-token.ts'
import { assertStillActive, type Scope } from './write-scope.ts'

const SECOND = 1000
/** Lifetimes in seconds. */
const MIN_LIFETIME = 60
const DEFAULT_LIFETIME = 15 * 60
const MAX_LIFETIME = 60 * 60
const ATTEMPTS = 3

/** The user that `actAs` of the request's session continues as, with the claims of the acting session. */
export type ActAs<Claims extends object> = ActingUser & ClaimsField<Claims>

/** The fields of {@link ActAs} besides `claims`, which are those that the user would have. */
export interface ActingUser {
  /** The user to act as, 1 to 255 characters. */
  readonly userId: string
  /** The longest time that the acting session may last, 60 to 3,600 seconds (1 hour). @defaultValue 900 (15 minutes) */
  readonly lifetime?: number
}

const FIELDS = ['userId', 'claims', 'lifetime'] as const

/** The session of the request that starts to act, as its access token describes it. */
export interface Administrator extends RequestContext {
  readonly sessionId: string
  readonly version: number
  /** In ms. A pending reauthentication is not in the row yet. */
  readonly authTime: number
  /** When its access token expires, in ms. */
  readonly expiresAt: number
  /** Whether refreshes continue the acting session: not in bearer mode. */
  readonly canContinue: boolean
}

export interface Acting {
  readonly row: SessionRow
  readonly accessToken: IssuedToken
  /** When the administrator's own cookies expire; `null` at the end of the browser session. */
  readonly cookiesExpireAt: Date | null
}

/**
 * Starts a session in which an administrator acts as another user. It has no refresh token: refreshes of the
 * administrator's own session continue it. Whether the administrator may do this is for the application to decide.
 * @throws TypeError for an invalid argument, for the administrator's own id, and for claims as `create`
 * @throws SessionEndedError, AccessTokenExpiredError, ActingRefusedError
 */
export async function startActing<Claims extends object>(
  engine: Engine,
  administrator: Administrator,
  input: ActAs<Claims>,
): Promise<Acting> {
  const { options, store, clock, events } = engine
  assertWrites(store)
  const lifetime = checkInput(input) * SECOND
  const userId = checkUserId(input.userId)
  const claims = await engine.schemas.claims.accept(input.claims === undefined ? {} : input.claims)
  const scope: Scope = { engine, writes: store, autocommit: true }
  const own = await assertStillActive(scope, administrator.sessionId)
  if (own.actor !== null) throw new ActingRefusedError()
  if (administrator.version < own.version) throw new AccessTokenExpiredError('superseded')
  if (own.userId === userId) throw new TypeError('`actAs` takes the id of another user')
  const now = clock.now()
  const { ids: ancestors, until } = await requireAncestors(engine, own, now)
  const context = normalizeContext(administrator)
  const expiresAt = Math.min(now + lifetime, until, own.absoluteExpiresAt ?? until)
  // The idle timeout bounds the access tokens, so that the administrator refreshes in time to stay signed in.
  const clocks = { idleTimeout: own.idleTimeout, absoluteExpiresAt: expiresAt }
  const fields: Omit<SessionRow, 'id'> = {
    ...newRow(now),
    userId,
    actor: { userId: own.userId, sessionId: own.id },
    // No refresh token has these fingerprints.
    current: fingerprint(randomBytes(16)),
    anchorHash: fingerprint(randomBytes(16)),
    createdAt: now,
    authTime: Math.max(administrator.authTime, own.authTime),
    expiresAt,
    ...clocks,
    persistent: own.persistent,
    claims,
    data: null,
    ...recordable(context, options.privacy),
    pruneAt: pruneTime(engine, clocks, expiresAt, now),
  }
  // Only a refresh confirms a pending renewal, and with it refuses older copies of the administrator's tokens.
  const isPending = administrator.canContinue && own.renewals.length > 0
  // Without a proof of the device, a copied access token must not become one that lives longer.
  const left = own.device === null ? Number.POSITIVE_INFINITY : administrator.expiresAt - now
  const atMost = isPending ? Math.min(pendingLifetime(options.rotation), left) : left
  const issue = { generation: 0, twin: null, now, context, ancestors, atMost, actorVersion: own.version }
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const row = { ...fields, id: newSessionId(store.sessionIdVersion ?? 'v7', now, randomBytes(16)) }
    await assertClaimsFit(engine, row, claims)
    // Its tokens are held by the administrator's device.
    const acting = { ...row, device: own.device, parentId: own.parentId }
    const accessToken = await issueAccessToken(engine, acting, issue)
    if (!(await store.insert(row))) continue
    const { id: sessionId, actor, ip, userAgent } = row
    events.emit('actingStarted', {
      sessionId,
      userId,
      actor: actor!,
      expiresAt: new Date(expiresAt),
      ip,
      userAgent,
    })
    const cookiesExpireAt = own.persistent ? new Date(idleExpiry(engine, own, now)) : null
    return { row: acting, accessToken, cookiesExpireAt }
  }
  throw new TryAgainError()
}

/**
 * The next access token of an acting session, for a refresh of the administrator's own session.
 * @param own that refresh. The next one must not come later than without acting
 * @throws SessionEndedError if the acting session has ended, or its claims no longer match their schema
 */
export async function continueActing(
  engine: Engine,
  sessionId: string,
  { row: own, ancestors, accessToken: ownToken }: Refreshed,
  context: NormalContext,
): Promise<Pick<Refreshed, 'row' | 'stale' | 'accessToken'>> {
  const row = await readRow(engine.store, sessionId)
  const now = engine.clock.now()
  compareEnds(engine, row)
  assertActive(sessionId, row, now)
  if (row.actor?.sessionId !== own.id) throw new SessionEndedError(sessionId, 'unknown')
  const read = await readForToken(engine, row)
  const stale = read.refusal !== null
  // The refresh has turned the administrator's session already, so it is too late for another refusal.
  if (stale && engine.options.onSchemaMismatch === 'reject') throw new SessionEndedError(sessionId, 'unknown')
  const atMost = ownToken.expiresAt.getTime() - now
  const issue = { generation: 0, twin: null, now, context, ancestors, atMost, actorVersion: own.version }
  const acting = { ...read.row, device: own.device, parentId: own.parentId }
  return { row: acting, stale, accessToken: await issueAccessToken(engine, acting, issue) }
}

/**
 * Checks an acting session against its row and that of the administrator's session.
 * @throws AccessTokenExpiredError also if one of them has ended: a refresh then tells who is signed in
 */
export async function checkActing(
  engine: Engine,
  { sessionId, version, actorVersion }: Pick<VerifiedToken, 'sessionId' | 'version' | 'actorVersion'>,
  actor: Actor,
): Promise<void> {
  const { store, clock, revocations } = engine
  const [row, own] = await Promise.all([readRow(store, sessionId), readRow(store, actor.sessionId)])
  try {
    compareEnds(engine, row)
    compareEnds(engine, own)
    if (store.readOnly === true && (row === null || own === null)) await assertRowsVisible(engine)
    assertActive(sessionId, row, clock.now())
    // Without idle expiry: only a refresh with the administrator's own token can tell that.
    if (own === null) throw new SessionEndedError(actor.sessionId, 'unknown')
    assertNotEnded(own)
  } catch (error) {
    if (!(error instanceof SessionEndedError)) throw error
    throw new AccessTokenExpiredError('superseded')
  }
  if (version >= row.version && actorVersion >= own.version) return
  revocations.addVersion(row.id, row.version)
  revocations.addVersion(own.id, own.version)
  throw new AccessTokenExpiredError('superseded')
}

/**
 * An access token of the administrator's session that has expired already. It names the session to return to, and is good
 * for nothing else.
 */
export async function returnToken(
  { ring, clock, options }: Engine,
  { userId, sessionId }: Actor,
): Promise<IssuedToken> {
  const now = clock.now()
  const expiresAt = now - MAX_LIFETIME * SECOND
  const value = await mintAccessToken(await ring.signer(), options.accessToken, {
    sessionId,
    userId,
    version: 0,
    authTime: expiresAt,
    issuedAt: expiresAt,
    expiresAt,
    generation: 0,
    twin: null,
    contextTag: null,
    actor: null,
    actorVersion: 0,
    ancestors: [],
    device: null,
    claims: {},
  })
  return { value, expiresAt: new Date(expiresAt) }
}

/** @returns the lifetime in seconds @throws TypeError */
function checkInput(input: ActingUser & { readonly claims?: unknown }): number {
  if (typeof input !== 'object' || input === null)
    throw new TypeError('`actAs` takes an object with a `userId`')
  const { lifetime = DEFAULT_LIFETIME } = methodOptions('actAs', input, ...FIELDS)
  if (typeof lifetime !== 'number' || !(lifetime >= MIN_LIFETIME && lifetime <= MAX_LIFETIME))
    throw new TypeError(`\`lifetime\` takes ${MIN_LIFETIME} to ${MAX_LIFETIME} seconds`)
  return lifetime
}
