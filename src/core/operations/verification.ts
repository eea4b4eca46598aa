import {
  AccessTokenExpiredError,
  AccessTokenInvalidError,
  StoreUnavailableError,
} from '../../portable/errors.ts'
import { createTokenCache } from '../../portable/token-cache.ts'
import { assertBegun, assertUnexpired, expiryOf } from '../../portable/token-payload.ts'
import { toVerifiedToken, type VerifiedToken } from '../../portable/verified-token.ts'
import type { Engine } from '../engine.ts'
import {
  contextTag,
  normalizeContext,
  type RequestContext,
  recordable,
  sameContext,
} from '../request-context.ts'
import { type CheckedTokens, inspectAccessToken, parseAccessToken } from '../tokens/access-token.ts'

export type Verification = Pick<Engine, 'verify' | 'identify' | 'isCached'>

/** A longer user agent is not kept in the cache: clients choose its length. Characters. */
const MAX_CACHED_USER_AGENT = 256

/** Makes the verification of access tokens, with its cache of verified tokens. */
export function createVerification({
  options,
  clock,
  ring,
  revocations,
  feed,
  confirmations,
  schemas,
}: Omit<Engine, keyof Verification | 'onDemand'>): Verification {
  const { accessToken, revocation, rotation } = options
  const { lifetime } = accessToken
  const refusesStale = revocation.mode !== 'expiry' && revocation.onStale === 'refuse'
  const rejectsMismatch = options.onSchemaMismatch === 'reject'
  const cache = createTokenCache<VerifiedToken>(accessToken.cacheBytes)

  /** Increases whenever a key or a revocation is learned; cached checks older than this are repeated. */
  const revision = (): number => ring.revision + revocations.revision

  /**
   * A verified token is not checked again until it expires or the revision changes.
   * @returns false when no live key verifies it
   * @throws AccessTokenExpiredError, SessionEndedError, StoreUnavailableError
   */
  function isStillValid(token: VerifiedToken, now: number): boolean {
    const currentRevision = revision()
    if (now >= token.validUntil || token.checkedAtRevision !== currentRevision) {
      const keyVerifiesUntil = ring.verifiesUntil(token.header)
      if (now >= keyVerifiesUntil) return false
      assertUnexpired(token, now, lifetime)
      revocations.assertNotRevoked(token)
      token.validUntil = Math.min(keyVerifiesUntil, expiryOf(token, lifetime))
      token.checkedAtRevision = currentRevision
    }
    if (refusesStale && feed.staleness > revocation.maxStaleness) {
      throw new StoreUnavailableError(
        'The revocation feed is older than `revocation.maxStaleness`. Check that this process reaches the database.',
      )
    }
    return true
  }

  /** A token used from another address or user agent must be refreshed. @throws AccessTokenExpiredError */
  function assertSameContext(token: VerifiedToken, context: RequestContext | undefined, now: number): void {
    const { contextTag: tag, sessionId, issuedAt, lastContext } = token
    if (tag === null || context === undefined || accessToken.onContextChange !== 'refresh') return
    if (lastContext !== null && lastContext.ip === context.ip && lastContext.userAgent === context.userAgent)
      return
    // A client that alternates between IPv4 and IPv6 must not refresh with every request.
    if (now - issuedAt <= rotation.overlap) return
    const normalized = normalizeContext(context)
    const isSame = options.secrets.some((secret) => {
      const currentTag = contextTag(secret, sessionId, normalized)
      return currentTag === null || sameContext(tag, currentTag)
    })
    if (!isSame) throw new AccessTokenExpiredError('context')
    if ((context.userAgent?.length ?? 0) <= MAX_CACHED_USER_AGENT)
      token.lastContext = { ip: context.ip, userAgent: context.userAgent }
  }

  /** A token whose claims the schema refuses must be refreshed. @throws AccessTokenExpiredError */
  function assertUpToDate({ session }: VerifiedToken): void {
    if (rejectsMismatch && session.stale) throw new AccessTokenExpiredError('superseded')
  }

  function verifyUncached(
    value: string,
    now: number,
    context: RequestContext | undefined,
    checked: CheckedTokens | undefined,
  ): VerifiedToken {
    const parsed = parseAccessToken(value, ring, accessToken, checked)
    assertBegun(parsed, now)
    const { value: claims, refusal } = schemas.claims.readNow(parsed.claims)
    const token = toVerifiedToken(parsed, claims, refusal !== null)
    // The key was found a moment ago, so this fails only if the clock was set back in between.
    if (!isStillValid(token, now)) throw new AccessTokenInvalidError()
    cache.set(value, token)
    if (parsed.twin !== null) {
      confirmations.add({
        sessionId: parsed.sessionId,
        twin: parsed.twin,
        version: parsed.version,
        seenAt: now,
        ...recordable(normalizeContext(context), options.privacy),
      })
    }
    assertSameContext(token, context, now)
    // Last: also the use of a refused token proves that its twin arrived.
    assertUpToDate(token)
    return token
  }

  return {
    verify(value, context, checked) {
      const now = clock.now()
      const cached = typeof value === 'string' ? cache.get(value) : undefined
      // If the key of a cached token has been retired, `verifyUncached` refuses the token.
      if (cached === undefined || !isStillValid(cached, now))
        return verifyUncached(value, now, context, checked)
      assertSameContext(cached, context, now)
      assertUpToDate(cached)
      return cached
    },
    identify(value, checked) {
      const cached = cache.get(value)
      if (cached !== undefined && ring.identify(cached.header) !== undefined) return cached.session
      return inspectAccessToken(value, ring, accessToken, checked)
    },
    isCached: (value) => cache.get(value) !== undefined,
  }
}
