import type { VerifiedSession } from '../portable/verified-session.ts'
import type { VerifiedToken } from '../portable/verified-token.ts'
import type { KeyRing } from './keys/key-ring.ts'
import type { Events } from './observability/events.ts'
import type { OnDemand } from './on-demand.ts'
import type { ResolvedOptions } from './options/resolve.ts'
import type { Confirmations } from './refresh/confirmations.ts'
import type { RefreshLimit } from './refresh/refresh-limit.ts'
import type { RequestContext } from './request-context.ts'
import type { Feed } from './revocation/feed.ts'
import type { LostEnds } from './revocation/lost-ends.ts'
import type { Revocations } from './revocation/revocations.ts'
import type { Schemas } from './session/schemas.ts'
import type { Store } from './store.ts'
import type { Clock } from './time/clock.ts'
import type { CheckedTokens } from './tokens/access-token.ts'

/** The sessions that an access token names. */
export type NamedSession = Pick<VerifiedSession, 'sessionId' | 'userId' | 'actor' | 'device'>

/** Names the engine of a `Sessions` object. For the HTTP layer, not for applications. */
export const ENGINE: unique symbol = Symbol('pawl.engine')

/** The parts that all operations of one `Sessions` object share. */
export interface Engine {
  readonly options: ResolvedOptions
  readonly store: Store
  readonly clock: Clock
  readonly events: Events
  readonly ring: KeyRing
  readonly revocations: Revocations
  readonly feed: Feed
  readonly lostEnds: LostEnds
  readonly confirmations: Confirmations
  readonly refreshLimit: RefreshLimit
  readonly schemas: Schemas
  /** Called with each user whom `deleteUser` has erased, by those who keep user ids in memory. */
  readonly erasureListeners: Set<(userId: string) => void>
  /** `null` without `serverless`: then timers do the work. */
  readonly onDemand: OnDemand | null
  /**
   * Verifies an access token without I/O. If a token seen for the first time carries its twin, the confirmation of
   * that refresh token is queued.
   * @param checked the results of the request so far
   * @throws AccessTokenInvalidError, AccessTokenExpiredError, SessionEndedError, StoreUnavailableError
   */
  readonly verify: (value: string, context?: RequestContext, checked?: CheckedTokens) => VerifiedToken
  /**
   * The sessions that a genuine access token names, however old, also one of a retired key; null for any other text. They
   * tell what a logout ends, and authenticate nobody.
   */
  readonly identify: (value: string, checked?: CheckedTokens) => NamedSession | null
  /** Whether an access token is in the cache of verified tokens. */
  readonly isCached: (value: string) => boolean
}
