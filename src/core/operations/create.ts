import type { ClaimsObject } from '../../portable/claims.ts'
import { HandoffRefusedError, SessionEndedError, TryAgainError } from '../../portable/errors.ts'
import { methodOptions } from '../../portable/options/method-options.ts'
import { newSessionId } from '../../portable/session-id.ts'
import { checkUserId } from '../../portable/user-id.ts'
import type { CreatedSession, CreateSession, LoginFields } from '../api.ts'
import type { Engine } from '../engine.ts'
import { randomBytes } from '../keys/random.ts'
import { absoluteTimeout, idleTimeout } from '../options/resolve.ts'
import { computeClaims } from '../refresh/refresh-claims.ts'
import { type NormalContext, normalizeContext, recordable } from '../request-context.ts'
import { idleExpiry, pruneTime } from '../session/lifetime.ts'
import { newRow } from '../session/new-row.ts'
import type { ActiveAncestors } from '../session/parent.ts'
import type { Refusal } from '../session/schemas.ts'
import { toSession } from '../session/session.ts'
import type { SessionRow } from '../store.ts'
import {
  assertClaimsFit,
  type Issue,
  type IssuedToken,
  issueAccessToken,
  issueRefreshToken,
} from '../tokens/issue.ts'
import {
  ANCHOR_BYTES,
  fingerprint,
  mintRefreshToken,
  NO_PARENT,
  type RefreshToken,
} from '../tokens/refresh-token.ts'
import { enforceSessionLimit, loginTime } from './session-limit.ts'
import { endSession, publishVersions, type Scope } from './write-scope.ts'

/** A taken session id comes from a generator that repeats itself, as after a copy of a running machine. */
const ATTEMPTS = 3

const FIELDS: readonly (keyof CreateSession<object, unknown>)[] = [
  'userId',
  'claims',
  'data',
  'replaces',
  'unproven',
  'persistent',
  'idleTimeout',
  'absoluteTimeout',
  'ip',
  'userAgent',
]

/** Starts a session: a login. */
export async function createSession<Claims extends object, Data>(
  scope: Scope,
  input: CreateSession<Claims, Data>,
): Promise<CreatedSession<Claims, Data>> {
  const { engine } = scope
  const { options, clock, schemas } = engine
  checkFields(input)
  const userId = checkUserId(input.userId)
  const claims = await schemas.claims.accept(input.claims === undefined ? {} : input.claims)
  const data = await schemas.data.accept(input.data ?? null)
  const replaced = [input.replaces ?? []].flat()
  const now = clock.now()
  const context = normalizeContext(input)
  const idle =
    input.idleTimeout === undefined
      ? null
      : Math.ceil(idleTimeout(input.idleTimeout, options.rotation) / 1000) * 1000
  const absolute =
    input.absoluteTimeout === undefined ? options.absoluteTimeout : absoluteTimeout(input.absoluteTimeout)
  const clocks = { idleTimeout: idle, absoluteExpiresAt: absolute === null ? null : now + absolute }
  const expiresAt = idleExpiry(engine, clocks, now)
  const fields: NewSession = {
    ...newRow(now),
    userId,
    createdAt: await loginTime(scope, userId, now),
    authTime: now,
    expiresAt,
    ...clocks,
    persistent: input.persistent ?? true,
    claims,
    data,
    ...recordable(context, options.privacy),
    actor: null,
    pruneAt: pruneTime(engine, clocks, expiresAt, now),
  }
  const { unproven } = input
  return startSession<Claims, Data>(scope, fields, context, { replaced, unproven })
}

/** What starts a session besides its row. */
interface Start {
  /** The only id that it may have; none for a new one. */
  readonly id?: string
  /** Why the schemas refuse the claims or data, which another session has had before. */
  readonly refusal?: Refusal | null
  readonly replaced: readonly string[]
  readonly unproven?: readonly string[] | undefined
  /** The sessions that the new one ends with. */
  readonly ancestors?: Pick<ActiveAncestors, 'ids' | 'until'>
  /** Called once the row is visible. If it throws, the new session ends. */
  readonly confirm?: () => Promise<void>
}

const NO_ANCESTORS = { ids: [], until: Number.POSITIVE_INFINITY }

/**
 * Inserts a session, enforces the limits and ends the sessions that it replaces.
 * @throws HandoffRefusedError if its only id is taken
 */
export async function startSession<Claims extends object, Data>(
  scope: Scope,
  fields: NewSession,
  context: NormalContext,
  start: Start,
): Promise<CreatedSession<Claims, Data>> {
  const { id, refusal = null, replaced, unproven, ancestors = NO_ANCESTORS, confirm } = start
  const { engine, writes, autocommit } = scope
  const { clock, events } = engine
  const { userId } = fields
  const prepare = (): Promise<Login> => prepareLogin(engine, fields, context, start)
  let login = await prepare()
  for (let attempt = 1; !(await writes.insert(login.row)); attempt++) {
    if (id !== undefined) throw new HandoffRefusedError('used')
    if (attempt === ATTEMPTS)
      throw new TryAgainError(1, 'no unused session id; the random generator of this process repeats itself')
    login = await prepare()
  }
  const { token } = login
  let { row, stale, accessToken } = login
  if (autocommit) events.emit('created', { sessionId: row.id, userId, ip: row.ip, userAgent: row.userAgent })
  try {
    await confirm?.()
    await enforceSessionLimit(scope, row, replaced)
    // A change of rights since the first call has not met this row, if it came before the row was visible.
    const claims = autocommit ? await loginClaims(engine, row, stale ? refusal : null) : row.claims
    if (claims !== row.claims) {
      row = await storeLoginClaims(scope, row, claims)
      stale = false
      const issue = firstIssue(clock.now(), context, ancestors)
      accessToken = await issueAccessToken(engine, row, issue)
    }
    // Last: a login that fails leaves the user the sessions that it replaces.
    for (const replacedId of replaced) {
      await endSession(scope, replacedId, unproven?.includes(replacedId) ? 'device' : 'replaced')
    }
  } catch (error) {
    // The caller gets no tokens, so the new session would never have a holder.
    const isRefused = error instanceof SessionEndedError || error instanceof HandoffRefusedError
    const reason = isRefused ? 'revoked' : 'replaced'
    await endSession(scope, row.id, reason).catch(() => {})
    throw error
  }
  return {
    session: toSession<Claims, Data>(row, clock.now(), stale),
    accessToken,
    refreshToken: issueRefreshToken(engine, row, token),
  }
}

function firstIssue(
  now: number,
  context: NormalContext,
  { ids, until }: Required<Start>['ancestors'],
): Issue {
  return { generation: 0, twin: null, now, context, ancestors: ids, atMost: until - now }
}

/** The row of a session that has no id and no tokens yet. */
type NewSession = Omit<SessionRow, 'id' | 'current' | 'anchorHash'>

interface Login {
  readonly row: SessionRow
  readonly stale: boolean
  readonly token: RefreshToken
  readonly accessToken: IssuedToken
}

/** Draws the id, unless it is given, and the tokens. Signs before the insert: if a key service fails, no row without a holder is left behind. */
async function prepareLogin(
  engine: Engine,
  fields: NewSession,
  context: NormalContext,
  { id, refusal = null, ancestors = NO_ANCESTORS }: Start,
): Promise<Login> {
  const { options, store } = engine
  const now = fields.turnedAt
  const sessionId = id ?? newSessionId(store.sessionIdVersion ?? 'v7', now, randomBytes(16))
  const anchor = randomBytes(ANCHOR_BYTES)
  const token = mintRefreshToken(options.secrets, {
    sessionId,
    generation: 0,
    issuedAt: now,
    parent: NO_PARENT,
    anchor,
  })
  const given = { ...fields, id: sessionId, current: token.fingerprint, anchorHash: fingerprint(anchor) }
  const row = { ...given, claims: await loginClaims(engine, given, refusal) }
  const stale = refusal !== null && row.claims === given.claims
  const issue = firstIssue(now, context, ancestors)
  await assertClaimsFit(engine, row, row.claims)
  return { row, stale, token, accessToken: await issueAccessToken(engine, row, issue) }
}

/**
 * The claims of a login, after the option `refreshClaims`.
 * @throws SessionEndedError if it returns null
 * @throws TryAgainError if it fails and `onRefreshClaimsError` is `end`
 */
async function loginClaims(engine: Engine, row: SessionRow, refusal: Refusal | null): Promise<ClaimsObject> {
  const outcome = await computeClaims(engine, row, { row, refusal })
  if (outcome.kind === 'end')
    throw outcome.failed ? new TryAgainError() : new SessionEndedError(row.id, 'revoked')
  return outcome.kind === 'changed' ? outcome.claims : row.claims
}

/** @returns the row as it is then; a `setClaims` in between wins, and the client's first refresh gets its claims */
async function storeLoginClaims(scope: Scope, row: SessionRow, claims: ClaimsObject): Promise<SessionRow> {
  const { id, version, renewals } = row
  const at = scope.engine.clock.now()
  const written = await scope.writes.replaceClaims({ id, version, renewals, claims, next: renewals, at })
  // Also if it is false: an earlier attempt whose answer was lost may have written the claims.
  await publishVersions(scope, [{ id, version: version + 1 }])
  return written ? { ...row, claims, version: version + 1 } : row
}

function checkFields(input: LoginFields): void {
  if (typeof input !== 'object' || input === null)
    throw new TypeError('`create` takes an object with a `userId`')
  const { persistent = true } = methodOptions('create', input as CreateSession<object, unknown>, ...FIELDS)
  if (typeof persistent !== 'boolean') throw new TypeError('`persistent` takes true or false')
}
