import { isDeepStrictEqual } from 'node:util'
import type { ClaimsObject } from '../../portable/claims.ts'
import { AccessTokenExpiredError, ActingRefusedError, TryAgainError } from '../../portable/errors.ts'
import type { CreatedSession, RenewSession } from '../api.ts'
import type { Engine } from '../engine.ts'
import { randomBytes } from '../keys/random.ts'
import { assertWrites } from '../read-only.ts'
import { normalizeContext } from '../request-context.ts'
import { pendingLifetime } from '../rotation/decision.ts'
import { idleExpiry, idleTimeoutOf, pruneTime } from '../session/lifetime.ts'
import { requireAncestors } from '../session/parent.ts'
import { findRenewal, mayHoldReauthentication, withRenewal } from '../session/renewal.ts'
import { toSession } from '../session/session.ts'
import { assertNotOutdated, readForToken } from '../session/stored-values.ts'
import type { Renewal, SessionRow } from '../store.ts'
import { assertClaimsFit, issueAccessToken, issueRefreshToken } from '../tokens/issue.ts'
import { ANCHOR_BYTES, fingerprint, mintRefreshToken, RENEWAL_PREFIX } from '../tokens/refresh-token.ts'
import { assertStillActive, type Scope } from './write-scope.ts'

const ATTEMPTS = 5
/** Of each kind: with reauthentication, and without. */
const MAX_PENDING = 4

/** The session of the request that asks for a renewal, as its access token describes it. */
export interface RenewalHolder {
  /** When its holder last authenticated, in ms. */
  readonly authTime: number
  /** `null` for those of the row. */
  readonly claims: ClaimsObject | null
  /** When its access token was issued, in ms. */
  readonly issuedAt: number
  /** When its access token expires, in ms. */
  readonly expiresAt: number
  /** The version of the row when its access token was issued. */
  readonly version: number
}

/**
 * Issues tokens with an anchor of their own. The older tokens stay valid, with their claims and authentication time,
 * until the new refresh token has been presented: if the response is lost, nobody is logged out.
 */
export async function renewSession<Claims extends object, Data>(
  scope: Scope,
  sessionId: string,
  { claims: given, reauthenticated = false, ...context }: RenewSession<Claims>,
  holder: RenewalHolder | null = null,
): Promise<CreatedSession<Claims, Data>> {
  const { engine, writes, autocommit } = scope
  const { options, clock, schemas } = engine
  assertWrites(engine.store)
  const accepted = given === undefined ? null : await schemas.claims.accept(given)
  const anchor = randomBytes(ANCHOR_BYTES)
  const anchorHash = fingerprint(anchor)
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    // No grace period for a reauthentication by id: it restarts the timeouts, and must not revive an idle session. The
    // access token of a request proves that its session was not idle.
    const grace = reauthenticated && holder === null ? 0 : undefined
    const row = await assertStillActive(scope, sessionId, grace)
    if (row.actor !== null) throw new ActingRefusedError()
    if (holder !== null && holder.version !== row.version) throw new AccessTokenExpiredError('superseded')
    if (holder !== null && !reauthenticated && mayHoldReauthentication(row, holder, options.rotation))
      throw new AccessTokenExpiredError('superseded')
    const claims = accepted ?? (await heldClaims(engine, row, holder))
    const read = await readForToken(engine, claims === null ? row : { ...row, claims })
    // Data is no part of the tokens, and the user may have just typed the password.
    const stale = read.refusal?.of === 'data' || assertNotOutdated(engine, read)
    const now = clock.now()
    const heldAuthTime = holder?.authTime ?? 0
    const authTime = reauthenticated ? now : Math.max(row.authTime, heldAuthTime)
    const lifetime = row.absoluteExpiresAt === null ? null : row.absoluteExpiresAt - row.authTime
    const renewal: Renewal = {
      anchorHash,
      at: now,
      // The access token of a reauthentication that is still pending has a later time than the row.
      reauthenticated: reauthenticated || heldAuthTime > row.authTime,
      authTime,
      // The session keeps the absolute lifetime that it was created with.
      absoluteExpiresAt: lifetime === null ? null : authTime + lifetime,
      claims: isDeepStrictEqual(claims, row.claims) ? null : claims,
    }
    const renewed = { ...withRenewal(row, renewal), claims: read.row.claims, data: read.row.data }
    const token = mintRefreshToken(
      options.secrets,
      {
        sessionId,
        generation: row.generation + 1,
        issuedAt: now,
        parent: row.current,
        anchor,
      },
      RENEWAL_PREFIX,
    )
    const { ids: ancestors, until } = await requireAncestors(engine, row, now, autocommit ? null : writes)
    const issue = {
      generation: token.generation,
      twin: null,
      now,
      context: normalizeContext(context),
      ancestors,
    }
    await assertClaimsFit(engine, renewed, renewed.claims)
    const accessToken = await issueAccessToken(engine, renewed, {
      ...issue,
      atMost: Math.min(
        pendingLifetime(options.rotation),
        until - now,
        withoutProof(row, reauthenticated, holder) - now,
      ),
    })
    const expiresAt = idleExpiry(engine, renewed, now)
    const unexpired = row.renewals.filter(({ at }) => now < at + idleTimeoutOf(engine, row))
    const written =
      findRenewal(row, anchorHash) !== null ||
      (await writes.startRenewal({
        id: sessionId,
        version: row.version,
        renewals: row.renewals,
        next: addRenewal(unexpired, renewal, reauthenticated, now - 2 * pendingLifetime(options.rotation)),
        expiresAt,
        pruneAt: pruneTime(engine, renewed, expiresAt, now, row.pruneAt),
      }))
    if (written) {
      return {
        session: toSession<Claims, Data>({ ...renewed, expiresAt }, now, stale),
        accessToken,
        refreshToken: issueRefreshToken(engine, renewed, token),
      }
    }
  }
  throw new TryAgainError()
}

/**
 * When an access token expires at the latest that a bound session gets without a proof of its device, in ms. The access token
 * of the request may have been copied.
 */
function withoutProof(
  { device }: SessionRow,
  reauthenticated: boolean,
  holder: RenewalHolder | null,
): number {
  return device === null || reauthenticated || holder === null ? Number.POSITIVE_INFINITY : holder.expiresAt
}

/**
 * The claims of the access token that asks for a renewal; `null` if it has those of the row. The holder of a pending
 * renewal has claims that the row does not have yet.
 */
async function heldClaims(
  { schemas }: Engine,
  row: SessionRow,
  holder: RenewalHolder | null,
): Promise<ClaimsObject | null> {
  const claims = holder?.claims ?? null
  // The token has the output of the schema, which Pawl does not write into the row.
  return isDeepStrictEqual(claims, (await schemas.claims.read(row.claims)).value) ? null : claims
}

/**
 * Adds a renewal to the pending ones. One without reauthentication never replaces another, because the other one may be
 * the user's and this one a thief's. One with reauthentication replaces none that the client may still hold: the last of
 * its access tokens expires two lifetimes after the renewal.
 * @param mayReplace whether the user authenticated again for this renewal
 * @param oldest the time after which a renewal may still be held
 * @throws TryAgainError
 */
function addRenewal(
  pending: readonly Renewal[],
  renewal: Renewal,
  mayReplace: boolean,
  oldest: number,
): Renewal[] {
  const alike = pending.filter(({ reauthenticated }) => reauthenticated === renewal.reauthenticated)
  if (alike.length < MAX_PENDING) return [...pending, renewal]
  if (!mayReplace || alike[0]!.at >= oldest) throw new TryAgainError()
  return [...pending.filter((other) => other !== alike[0]), renewal]
}
