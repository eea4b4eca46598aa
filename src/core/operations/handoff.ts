import { CLOCK_TOLERANCE } from '../../portable/clock-tolerance.ts'
import {
  AccessTokenExpiredError,
  ActingRefusedError,
  DeviceProofRequiredError,
  HandoffRefusedError,
  isSessionsError,
  RecentAuthRequiredError,
  TryAgainError,
} from '../../portable/errors.ts'
import { methodOptions } from '../../portable/options/method-options.ts'
import { newSessionId } from '../../portable/session-id.ts'
import type { CreatedSession } from '../api.ts'
import type { Engine } from '../engine.ts'
import { randomBytes } from '../keys/random.ts'
import { sameBytes } from '../keys/same-bytes.ts'
import { assertWrites } from '../read-only.ts'
import { normalizeContext, type RequestContext, recordable } from '../request-context.ts'
import { pendingLifetime } from '../rotation/decision.ts'
import { idleExpiry, pruneTime } from '../session/lifetime.ts'
import { newRow } from '../session/new-row.ts'
import { MAX_ANCESTORS, requireAncestors } from '../session/parent.ts'
import { assertNotOutdated, readForToken } from '../session/stored-values.ts'
import type { SessionRow, SessionWrites } from '../store.ts'
import {
  challengePrint,
  HANDOFF_LIFETIME,
  type HandoffCode,
  mintHandoffCode,
  originPrint,
  parseHandoffCode,
  provesChallenge,
  witnessOf,
} from '../tokens/handoff-code.ts'
import { startSession } from './create.ts'
import { loginTime } from './session-limit.ts'
import { assertStillActive, type Scope } from './write-scope.ts'

/** The options of {@link SessionOperations.handoff}. */
export interface HandoffOptions {
  /**
   * The origin of the server that redeems the code: `https://shop.example.com`. Take it from your configuration, never from
   * a request: the code signs in whoever redeems it.
   */
  readonly origin: string
  /**
   * Whether the new session ends when the present one ends, for any reason. `false` makes an independent session, so the
   * user must have authenticated within the last five minutes.
   * @defaultValue true
   */
  readonly endsWithParent?: boolean
  /**
   * The challenge of the method `S256` for a verifier that the redeeming client keeps (RFC 7636 section 4.2). Only that
   * client can redeem the code. You may take the challenge from the client.
   * @defaultValue none
   */
  readonly challenge?: string | undefined
  /**
   * Whether you have verified that the user or the device asks for the code. A session that is bound to a device needs
   * `true`, because the new session is not bound.
   * @defaultValue false; for a request's session whether the request carries a proof (RFC 9449 section 7)
   */
  readonly proven?: boolean | undefined
}

/** A code that signs its user in once more. */
export interface Handoff {
  /**
   * The code. It works once, for 60 seconds. It is a credential: keep it out of logs, and out of the path and query of
   * URLs.
   */
  readonly code: string
  /** When the code expires. */
  readonly expiresAt: Date
}

/** The request that {@link SessionOperations.redeem} answers. */
export interface RedeemHandoff extends RequestContext {
  /** The origin that the request has reached; an array with both origins if you do not know its scheme. */
  readonly origin: string | readonly string[]
  /** The verifier for the challenge of the code (RFC 7636 section 4.1). @defaultValue none */
  readonly verifier?: unknown
  /** The ids of the sessions that this sign-in replaces, as in {@link CreateSession}. */
  readonly replaces?: string | readonly string[] | undefined
  /** @internal Those of {@link replaces} that end with the reason `device`. */
  readonly unproven?: readonly string[] | undefined
}

/** The access token of the request that asks for a code. Times in ms. */
export interface HandoffHolder {
  readonly authTime: number
  readonly issuedAt: number
}

/** How long after an authentication a session may make one that does not end with it, in seconds. */
const INDEPENDENT_WITHIN = 300

export const HANDOFF_FIELDS = ['origin', 'endsWithParent', 'challenge', 'proven'] as const
const REDEEM_FIELDS = ['origin', 'verifier', 'replaces', 'unproven', 'ip', 'userAgent'] as const

/**
 * Makes a code. Nothing is written.
 * @param holder the access token of the request; null if it is not known
 * @throws TypeError, SessionEndedError, ActingRefusedError, DeviceProofRequiredError
 * @throws HandoffRefusedError for a challenge that is none, and for a session that already ends with four others
 * @throws RecentAuthRequiredError if the new session would be independent
 * @throws AccessTokenExpiredError, or TryAgainError without a holder, if an older copy of the tokens may ask
 */
export async function createHandoff(
  scope: Scope,
  sessionId: string,
  given: HandoffOptions,
  holder: HandoffHolder | null = null,
): Promise<Handoff> {
  const { engine } = scope
  const { options, store, clock } = engine
  assertWrites(store)
  const { origin, endsWithParent = true, challenge: text, proven = false } = checkInput(given)
  const challenge = text === undefined ? null : challengePrint(text)
  const row = await assertStillActive(scope, sessionId)
  if (row.actor !== null) throw new ActingRefusedError()
  // The new session is bound to nothing, so a copied access token must not be enough.
  if (row.device !== null && !proven) throw new DeviceProofRequiredError(null, row.device.kind, 'request')
  assertNotReplaced(engine, row, holder)
  const now = clock.now()
  if (endsWithParent) {
    const { ids } = await requireAncestors(engine, row, now, transactionOf(scope))
    if (ids.length === MAX_ANCESTORS) throw new HandoffRefusedError('depth')
  } else if (now - (holder ?? row).authTime > INDEPENDENT_WITHIN * 1000) {
    throw new RecentAuthRequiredError(INDEPENDENT_WITHIN)
  }
  // Another process may have recorded the last change by a clock that is ahead.
  const at = Math.max(now, earliestCode(row))
  const childId = newSessionId(store.sessionIdVersion ?? 'v7', now, randomBytes(16))
  const code = mintHandoffCode(options.secrets, {
    parentId: row.id,
    sessionId: childId,
    at,
    endsWithParent,
    witness: witnessOf(row.anchorHash, childId),
    origin: originPrint(origin),
    challenge,
  })
  return { code, expiresAt: new Date(at + HANDOFF_LIFETIME) }
}

/**
 * Creates the session of a code. The code names its id, so of several redemptions only the first one can insert the row.
 * @throws HandoffRefusedError before any work of the database, except for `used` and `ended`
 * @throws SecretUnknownError, and as `create`
 */
export async function redeemHandoff<Claims extends object, Data>(
  scope: Scope,
  value: unknown,
  given: RedeemHandoff,
): Promise<CreatedSession<Claims, Data>> {
  const { engine } = scope
  const { options, clock } = engine
  assertWrites(engine.store)
  const { origin, verifier, replaces, unproven } = methodOptions('redeem', given, ...REDEEM_FIELDS)
  if (origin === undefined) throw new TypeError('`redeem` takes the `origin` that the request has reached')
  const now = clock.now()
  const code = parseOrReport(engine, value)
  if (code.at > now + CLOCK_TOLERANCE) throw new HandoffRefusedError('invalid')
  if (now > code.at + HANDOFF_LIFETIME + CLOCK_TOLERANCE) throw new HandoffRefusedError('expired')
  const origins = [origin].flat()
  if (!origins.some((own) => typeof own === 'string' && sameBytes(originPrint(own), code.origin)))
    throw new HandoffRefusedError('origin')
  if (!provesChallenge(code, verifier)) throw new HandoffRefusedError('challenge')

  const parent = await readHandingOff(scope, code, now)
  const read = await readForToken(engine, parent)
  assertNotOutdated(engine, read)
  const context = normalizeContext(given)
  const above = await requireAncestors(engine, parent, now, transactionOf(scope)).catch(refuseEnded)
  const ancestors = code.endsWithParent ? [parent.id, ...above.ids] : []
  const { idleTimeout, absoluteExpiresAt } = parent
  const clocks = { idleTimeout, absoluteExpiresAt }
  const expiresAt = idleExpiry(engine, clocks, now)
  const parentId = ancestors[0] ?? null
  const fields = {
    ...newRow(now),
    userId: parent.userId,
    createdAt: parentId === null ? await loginTime(scope, parent.userId, now) : now,
    // The user has authenticated for the parent, not now. Both end at the same time, however often one hands off.
    authTime: parent.authTime,
    expiresAt,
    ...clocks,
    persistent: parent.persistent,
    claims: read.row.claims,
    data: read.row.data,
    ...recordable(context, options.privacy),
    actor: null,
    parentId,
    pruneAt: pruneTime(engine, clocks, expiresAt, now),
  }
  const replaced = [replaces ?? []].flat().filter((id) => !ancestors.includes(id))
  return startSession<Claims, Data>(scope, fields, context, {
    id: code.sessionId,
    refusal: read.refusal,
    replaced,
    unproven,
    ancestors: { ids: ancestors, until: above.until },
    // A `revokeUser` since the first read has not met the new row.
    confirm: async () => void (await readHandingOff(scope, code, clock.now())),
  })
}

const transactionOf = ({ writes, autocommit }: Scope): SessionWrites | null => (autocommit ? null : writes)

/** @throws HandoffRefusedError if the error says that a session has ended; else the error */
function refuseEnded(error: unknown): never {
  if (isSessionsError(error) && error.code === 'ERR_SESSION_ENDED') throw new HandoffRefusedError('ended')
  throw error
}

/** @throws HandoffRefusedError, SecretUnknownError; reports the latter as a refresh does */
function parseOrReport({ options, events }: Engine, value: unknown): HandoffCode {
  try {
    return parseHandoffCode(options.secrets, value)
  } catch (error) {
    if (isSessionsError(error) && error.code === 'ERR_SECRET_UNKNOWN') events.emit('secretUnknown', {})
    throw error
  }
}

/** The session that hands off, as it is now, without those that it ends with. @throws HandoffRefusedError, StoreUnavailableError */
async function readHandingOff(scope: Scope, code: HandoffCode, now: number): Promise<SessionRow> {
  const row = await assertStillActive(scope, code.parentId).catch(refuseEnded)
  // A confirmed renewal has replaced the anchor: the code may be that of an older copy.
  const isCurrent = sameBytes(code.witness, witnessOf(row.anchorHash, code.sessionId))
  const isOver = row.absoluteExpiresAt !== null && now >= row.absoluteExpiresAt
  if (!isCurrent || isOver || code.at < earliestCode(row)) throw new HandoffRefusedError('ended')
  return row
}

/** Codes that are older may be those of older copies of the tokens, which are refused once a pending renewal is confirmed. In ms. */
function earliestCode({ authTime, renewals }: SessionRow): number {
  return Math.max(authTime, ...renewals.map((renewal) => Math.max(renewal.at, renewal.authTime) + 1))
}

/**
 * While a renewal is pending, older copies of the tokens are valid. They must not become another session. An access token
 * that was issued since is no such copy; after a reauthentication it must have the new time, for the two minutes in which the
 * client may hold it.
 * @throws AccessTokenExpiredError, TryAgainError
 */
function assertNotReplaced({ options, clock }: Engine, row: SessionRow, holder: HandoffHolder | null): void {
  const heldUntil = clock.now() - 2 * pendingLifetime(options.rotation)
  const isReauthenticating = row.renewals.some(({ at, reauthenticated }) => reauthenticated && at > heldUntil)
  if (holder === null) {
    if (isReauthenticating) throw new TryAgainError()
    return
  }
  const hasAuthenticated = holder.authTime > row.authTime
  // Tokens hold whole seconds.
  const isOlder = row.renewals.some(({ at }) => holder.issuedAt < Math.floor(at / 1000) * 1000)
  if (isOlder || (isReauthenticating && !hasAuthenticated)) throw new AccessTokenExpiredError('superseded')
}

/** @throws TypeError */
function checkInput(given: HandoffOptions): HandoffOptions {
  if (typeof given !== 'object' || given === null)
    throw new TypeError('`handoff` takes an object with an `origin`')
  const input = methodOptions('handoff', given, ...HANDOFF_FIELDS)
  const { origin, endsWithParent = true, proven = false } = input
  if (!isWebOrigin(origin))
    throw new TypeError('`origin` takes the origin of the redeeming server: `https://shop.example.com`')
  if (typeof endsWithParent !== 'boolean') throw new TypeError('`endsWithParent` takes true or false')
  if (typeof proven !== 'boolean') throw new TypeError('`proven` takes true or false')
  return input
}

/** As browsers spell it: no path, no default port, lower case. */
function isWebOrigin(origin: unknown): boolean {
  if (typeof origin !== 'string' || !/^https?:/.test(origin) || !URL.canParse(origin)) return false
  return new URL(origin).origin === origin
}
