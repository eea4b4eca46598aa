import { checkClaims, checkData, validate } from '../../portable/claims.ts'
import { TryAgainError } from '../../portable/errors.ts'
import { methodOptions } from '../../portable/options/method-options.ts'
import { newSessionId } from '../../portable/session-id.ts'
import { checkUserId } from '../../portable/user-id.ts'
import type { CreatedSession, CreateSession } from '../api.ts'
import type { Engine } from '../engine.ts'
import { randomBytes } from '../keys/random.ts'
import { absoluteTimeout, idleTimeout } from '../options/resolve.ts'
import { type NormalContext, normalizeContext, recordable } from '../request-context.ts'
import { idleExpiry, pruneTime } from '../session/lifetime.ts'
import { toSession } from '../session/session.ts'
import type { SessionRow } from '../store.ts'
import { checkFits } from '../tokens/access-token.ts'
import { accessTokenFields, type IssuedToken, issueAccessToken, issueRefreshToken } from '../tokens/issue.ts'
import {
  ANCHOR_BYTES,
  fingerprint,
  mintRefreshToken,
  NO_PARENT,
  type RefreshToken,
} from '../tokens/refresh-token.ts'
import { enforceSessionLimit, loginTime } from './session-limit.ts'
import { endSession, type Scope } from './write-scope.ts'

/** A taken session id comes from a generator that repeats itself, as after a copy of a running machine. */
const ATTEMPTS = 3

const FIELDS: readonly (keyof CreateSession<object, unknown>)[] = [
  'userId',
  'claims',
  'data',
  'replaces',
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
  const { engine, writes, autocommit } = scope
  const { options, clock, events } = engine
  checkFields(input)
  const userId = checkUserId(input.userId)
  const claims = checkClaims(
    await validate(options.claims, input.claims === undefined ? {} : input.claims, 'claims'),
  )
  const data = checkData(await validate(options.data, input.data ?? null, 'data'))
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
  const fields: Omit<SessionRow, 'id' | 'current' | 'anchorHash'> = {
    userId,
    generation: 0,
    previous: null,
    turnedAt: now,
    switchedAt: null,
    renewals: [],
    reuseSince: null,
    version: 0,
    createdAt: await loginTime(scope, userId, now),
    authTime: now,
    expiresAt,
    ...clocks,
    persistent: input.persistent ?? true,
    claims,
    data,
    dataVersion: 0,
    ...recordable(context, options.privacy),
    actor: null,
    endedAt: null,
    endReason: null,
    pruneAt: pruneTime(engine, clocks, expiresAt, now),
  }
  let login = await prepareLogin(engine, fields, context)
  for (let attempt = 1; !(await writes.insert(login.row)); attempt++) {
    if (attempt === ATTEMPTS)
      throw new TryAgainError(1, 'no unused session id; the random generator of this process repeats itself')
    login = await prepareLogin(engine, fields, context)
  }
  const { row, token, accessToken } = login
  if (autocommit) events.emit('created', { sessionId: row.id, userId, ip: row.ip, userAgent: row.userAgent })
  try {
    await enforceSessionLimit(scope, row, replaced)
    for (const replacedId of replaced) await endSession(scope, replacedId, 'replaced')
  } catch (error) {
    // The caller gets no tokens, so the new session would never have a holder.
    await endSession(scope, row.id, 'replaced').catch(() => {})
    throw error
  }
  return {
    session: toSession<Claims, Data>(row, clock.now()),
    accessToken,
    refreshToken: issueRefreshToken(engine, row, token),
  }
}

interface Login {
  readonly row: SessionRow
  readonly token: RefreshToken
  readonly accessToken: IssuedToken
}

/** Draws the id and the tokens. Signs before the insert: if a key service fails, no row without a holder is left behind. */
async function prepareLogin(
  engine: Engine,
  fields: Omit<SessionRow, 'id' | 'current' | 'anchorHash'>,
  context: NormalContext,
): Promise<Login> {
  const { options, ring, store } = engine
  const now = fields.turnedAt
  const id = newSessionId(store.sessionIdVersion ?? 'v7', now, randomBytes(16))
  const anchor = randomBytes(ANCHOR_BYTES)
  const token = mintRefreshToken(options.secrets, {
    sessionId: id,
    generation: 0,
    issuedAt: now,
    parent: NO_PARENT,
    anchor,
  })
  const row = { ...fields, id, current: token.fingerprint, anchorHash: fingerprint(anchor) }
  const issue = { generation: 0, twin: null, now, context }
  checkFits(await ring.signer(), options.accessToken, accessTokenFields(engine, row, issue, 0))
  return { row, token, accessToken: await issueAccessToken(engine, row, issue) }
}

function checkFields(input: CreateSession<object, unknown>): void {
  if (typeof input !== 'object' || input === null)
    throw new TypeError('`create` takes an object with a `userId`')
  const { persistent = true } = methodOptions('create', input, ...FIELDS)
  if (typeof persistent !== 'boolean') throw new TypeError('`persistent` takes true or false')
}
