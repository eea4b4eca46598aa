import {
  AccessTokenExpiredError,
  AccessTokenInvalidError,
  StoreUnavailableError,
} from '../../portable/errors.ts'
import { createTokenCache } from '../../portable/token-cache.ts'
import { assertBegun, assertUnexpired, expiryOf } from '../../portable/token-payload.ts'
import { type Seen, seenOf } from '../../portable/verified-token.ts'
import type { Engine } from '../engine.ts'
import type { Confirmations } from '../refresh/confirmations.ts'
import {
  contextTag,
  normalizeContext,
  type RequestContext,
  recordable,
  sameContext,
} from '../request-context.ts'
import { parseAccessToken } from '../tokens/access-token.ts'

/** Characters of a user agent that are remembered to save work. */
const MOST_KNOWN = 256

/**
 * Verifies access tokens without I/O. A token seen for the first time that carries evidence of its twin
 * is passed on to be confirmed in the background.
 * @throws AccessTokenInvalidError, AccessTokenExpiredError, SessionEndedError, StoreUnavailableError
 */
export type Verify = (value: string, context?: RequestContext) => Seen

export function createVerify(engine: Engine, confirmations: Confirmations): Verify {
  const { options, clock, ring, revocations, feed } = engine
  const refusesStale = options.revocation.mode !== 'expiry' && options.revocation.onStale === 'refuse'
  const cache = createTokenCache<Seen>(options.accessToken.cacheBytes)

  /** Goes up with everything but time that may make a good token a bad one. */
  const known = (): number => ring.revision + revocations.revision

  /**
   * Looks at everything a token must not be. What was good stays good until its time is over or something becomes
   * known of any session or key, so between two such news the looks are spared: a quarter of a microsecond inside a server.
   * @returns false when no key vouches for it any more
   */
  function isVouchedFor(seen: Seen, now: number): boolean {
    const asOf = known()
    if (!(now < seen.goodUntil && asOf === seen.asOf)) {
      const until = ring.verifiesUntil(seen.header)
      if (now >= until) return false
      assertUnexpired(seen, now, options.accessToken.lifetime)
      revocations.assertNotRevoked(seen)
      seen.goodUntil = Math.min(until, expiryOf(seen, options.accessToken.lifetime))
      seen.asOf = asOf
    }
    if (refusesStale && feed.staleness > options.revocation.maxStaleness) {
      throw new StoreUnavailableError('what other processes revoked has not been heard of for too long')
    }
    return true
  }

  /** A token that is used elsewhere than where it was issued to has to prove itself by a refresh. */
  function assertAtHome(seen: Seen, context: RequestContext | undefined, now: number): void {
    const { contextTag: tag, sessionId, issuedAt } = seen
    if (tag === null || context === undefined || options.accessToken.onContextChange !== 'refresh') return
    if (seen.known !== null && seen.known.ip === context.ip && seen.known.userAgent === context.userAgent)
      return
    // Whoever has just refreshed has just proved it. A client whose address changes with every request, over
    // IPv4 and IPv6 by turns say, must not be refreshing all the time.
    if (now - issuedAt <= options.rotation.overlap) return
    const here = normalizeContext(context)
    const same = options.secrets.some((secret) => {
      const tagHere = contextTag(secret, sessionId, here)
      return tagHere === null || sameContext(tag, tagHere)
    })
    if (!same) throw new AccessTokenExpiredError('context')
    // Not whatever a client may call itself, in each entry of the cache.
    if ((context.userAgent?.length ?? 0) <= MOST_KNOWN)
      seen.known = { ip: context.ip, userAgent: context.userAgent }
  }

  function firstSight(value: string, now: number, context: RequestContext | undefined): Seen {
    const token = parseAccessToken(value, ring, options.accessToken)
    assertBegun(token, now)
    const seen = seenOf(token)
    // Its key has just been found: only a clock that is set back in between gets here.
    if (!isVouchedFor(seen, now)) throw new AccessTokenInvalidError()
    cache.set(value, seen)
    const { gracePeriod, tolerance } = options.rotation
    if (token.twin !== null && now - token.issuedAt <= gracePeriod + tolerance) {
      confirmations.add({
        sessionId: token.sessionId,
        twin: token.twin,
        seenAt: now,
        ...recordable(normalizeContext(context), options.privacy),
      })
    }
    assertAtHome(seen, context, now)
    return seen
  }

  return function verify(value, context) {
    const now = clock.now()
    const seen = typeof value === 'string' ? cache.get(value) : undefined
    // A hit whose key has been retired goes the long way and fails there.
    if (seen === undefined || !isVouchedFor(seen, now)) return firstSight(value, now, context)
    assertAtHome(seen, context, now)
    return seen
  }
}
