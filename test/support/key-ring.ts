import type { KeyRing } from '../../src/core/keys/key-ring.ts'
import { deriveSecrets } from '../../src/core/keys/secrets.ts'
import { createStoredKeyRing, type KeyRingSettings } from '../../src/core/keys/stored-key-ring.ts'
import { createEvents, type Events } from '../../src/core/observability/events.ts'
import type { SessionEvents } from '../../src/core/observability/session-events.ts'
import type { Store } from '../../src/core/store.ts'
import { memory } from '../../src/memory/index.ts'
import { createFakeClock, type FakeClock } from './fake-clock.ts'
import { SECRET } from './secrets.ts'

export const MINUTE = 60
export const DAY = 86_400
const MS = 1000

export interface OpenRing {
  readonly ring: KeyRing
  readonly clock: FakeClock
  readonly events: Events
  readonly trouble: SessionEvents['keyTrouble'][]
  readonly rotated: SessionEvents['keysRotated'][]
}

/** A key ring with a memory store and the default settings, unless `settings` override them. */
export async function openRing({
  store = memory(),
  secret = SECRET as string | string[],
  clock = createFakeClock(),
  ...settings
}: Partial<
  KeyRingSettings & { store: Store; secret: string | string[]; clock: FakeClock }
> = {}): Promise<OpenRing> {
  const events = createEvents()
  const trouble: SessionEvents['keyTrouble'][] = []
  const rotated: SessionEvents['keysRotated'][] = []
  events.on('keyTrouble', (event) => trouble.push(event))
  events.on('keysRotated', (event) => rotated.push(event))
  const synchronized = { ...clock, synchronize: async () => 0 }
  const ring = await createStoredKeyRing(store, deriveSecrets(secret, store.realm), synchronized, events, {
    algorithm: 'HS256',
    rotationInterval: DAY * MS,
    tokenLifetime: 15 * MINUTE * MS,
    ...settings,
  })
  return { ring, clock, events, trouble, rotated }
}
