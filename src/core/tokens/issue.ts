import type { ClaimsObject } from '../../portable/claims.ts'
import { type VerifiedSession, verifiedSession } from '../../portable/verified-session.ts'
import { thumbprintOf } from '../device/device-key.ts'
import { unboundUntil } from '../device/unbound.ts'
import type { Engine } from '../engine.ts'
import { contextTag, type NormalContext } from '../request-context.ts'
import type { Presented } from '../rotation/decision.ts'
import { idleExpiry, idleTimeoutOf } from '../session/lifetime.ts'
import { MAX_ANCESTORS } from '../session/parent.ts'
import type { Session } from '../session/session.ts'
import type { SessionRow } from '../store.ts'
import { type AccessTokenFields, checkFits, checkRefreshes, mintAccessToken } from './access-token.ts'
import type { RefreshToken } from './refresh-token.ts'

/** A token for the client. */
export interface IssuedToken {
  /** The token itself: a credential. */
  readonly value: string
  /** When the token expires. */
  readonly expiresAt: Date
}

/** An access token lives at most this fraction of the idle timeout. */
const IDLE_SHARE = 4

/** The fields of an access token that the row does not hold. */
export interface Issue {
  readonly generation: number
  /** The refresh token issued with it; null when the row already records that one, and in a bound session. */
  readonly twin: Presented | null
  readonly now: number
  /** The address and user agent it is bound to; null for none. */
  readonly context: NormalContext | null
  /** The sessions that the session ends with, its parent first (`readAncestors`). */
  readonly ancestors: readonly string[]
  /** Upper bound of the lifetime, in ms. */
  readonly atMost?: number
  /** Of an acting session: the version of the administrator's row. */
  readonly actorVersion?: number
}

/** The fields of the row that an access token is made from. */
type TokenSource = Pick<
  SessionRow,
  | 'id'
  | 'userId'
  | 'version'
  | 'createdAt'
  | 'authTime'
  | 'idleTimeout'
  | 'absoluteExpiresAt'
  | 'actor'
  | 'device'
  | 'renewals'
  | 'claims'
>

/** The fields of the row that the length of its tokens depends on. */
type SizedSource = Omit<TokenSource, 'claims'> & Pick<SessionRow, 'parentId'>

/** For the longest token: with a parent, as if the session had as many ancestors as possible. */
function sizedIssue({ clock }: Engine, { parentId }: SizedSource): Issue {
  const ancestors = parentId === null ? [] : Array.from({ length: MAX_ANCESTORS }, () => parentId)
  return { generation: 0, twin: null, now: clock.now(), context: null, ancestors }
}

export async function issueAccessToken(engine: Engine, row: SessionRow, issue: Issue): Promise<IssuedToken> {
  const { options, ring, events } = engine
  const lifetime = options.accessToken.lifetime * (1 - 0.05 * Math.random())
  const fields = accessTokenFields(
    engine,
    row,
    issue,
    Math.min(lifetime, issue.atMost ?? Number.POSITIVE_INFINITY),
  )
  const key = await ring.signer()
  try {
    const value = await mintAccessToken(key, options.accessToken, fields)
    return { value, expiresAt: new Date(fields.expiresAt) }
  } catch (error) {
    events.emit('keyTrouble', { epoch: null, error })
    throw error
  }
}

function accessTokenFields(
  engine: Engine,
  row: TokenSource,
  { generation, twin, now, context, ancestors, actorVersion = 0 }: Omit<Issue, 'atMost'>,
  lifetime: number,
): AccessTokenFields {
  const { options } = engine
  // Activity is recorded when a token is renewed. If a token lived as long as the idle timeout, the session of an
  // active user could expire.
  const renewedWithin = idleTimeoutOf(engine, row) / IDLE_SHARE
  // Tokens hold whole seconds. Round up, so that a lifetime of one second stays one, but never beyond the absolute expiry.
  const idle = Math.ceil((now + Math.min(lifetime, renewedWithin)) / 1000)
  const last = Math.min(row.absoluteExpiresAt ?? Number.POSITIVE_INFINITY, unboundUntil(engine, row))
  const absolute = Math.floor(last / 1000)
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
      options.accessToken.onContextChange === 'refresh' && context !== null
        ? contextTag(options.secrets[0], row.id, context)
        : null,
    actor: row.actor,
    actorVersion,
    ancestors,
    device: row.device && thumbprintOf(row.device.key),
    claims: row.claims,
  }
}

/**
 * Checks that every future access token with these claims fits a cookie.
 * @throws TypeError
 */
export async function assertClaimsFit(engine: Engine, row: SizedSource, claims: ClaimsObject): Promise<void> {
  const { options, ring } = engine
  const issue = sizedIssue(engine, row)
  checkFits(await ring.signer(), options.accessToken, accessTokenFields(engine, { ...row, claims }, issue, 0))
}

/**
 * Checks claims that a running session gets with its next refresh: {@link assertClaimsFit}, and the response of that refresh
 * passes common proxies.
 * @param present the present claims; null if they are unknown
 * @throws TypeError
 */
export async function assertClaimsRefresh(
  engine: Engine,
  row: SizedSource,
  claims: ClaimsObject,
  present: ClaimsObject | null,
): Promise<void> {
  await assertClaimsFit(engine, row, claims)
  const { options, ring } = engine
  const issue = sizedIssue(engine, row)
  const fields = (held: ClaimsObject): AccessTokenFields =>
    accessTokenFields(engine, { ...row, claims: held }, issue, 0)
  const presentFields = present === null ? null : fields(present)
  checkRefreshes(await ring.signer(), options.accessToken, fields(claims), presentFields)
}

export function issueRefreshToken(engine: Engine, row: SessionRow, token: RefreshToken): IssuedToken {
  return { value: token.value, expiresAt: new Date(idleExpiry(engine, row, token.issuedAt)) }
}

/** The session as its new access token describes it, without parsing that token. Tokens hold whole seconds. */
export function issuedSession<Claims extends object, Data>(
  { sessionId, userId, claims, authTime, generation, actor, parentId, device, stale }: Session<Claims, Data>,
  { expiresAt }: IssuedToken,
  issuedAt: Date,
): VerifiedSession<Claims> {
  const session = verifiedSession(
    {
      sessionId,
      userId,
      issuedAt: wholeSeconds(issuedAt),
      expiresAt: expiresAt.getTime(),
      authTime: wholeSeconds(authTime),
      generation,
      actor,
      device: device?.thumbprint ?? null,
    },
    { claims: claims as ClaimsObject, parentId, stale },
  )
  return session as VerifiedSession<Claims>
}

function wholeSeconds(time: Date): number {
  return Math.floor(time.getTime() / 1000) * 1000
}
