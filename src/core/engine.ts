import type { KeyRing } from './keys/key-ring.ts'
import type { Events } from './observability/events.ts'
import type { ResolvedOptions } from './options/resolve.ts'
import type { Feed } from './revocation/feed.ts'
import type { Revocations } from './revocation/revocations.ts'
import type { Store } from './store.ts'
import type { Clock } from './time/clock.ts'

/** What the parts of one `Sessions` share. */
export interface Engine {
  readonly options: ResolvedOptions
  readonly store: Store
  readonly clock: Clock
  readonly events: Events
  readonly ring: KeyRing
  readonly revocations: Revocations
  readonly feed: Feed
}
