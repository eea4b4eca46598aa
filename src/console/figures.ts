import type { Engine } from '../core/engine.ts'
import type { StoreOverview } from '../core/inspection.ts'
import type { StoreStatus } from '../core/store-status.ts'
import { type Part, readPart } from './bounded.ts'
import { perEngine } from './per-engine.ts'

const DAYS = 14

/** The costly reads of the overview. `null`: the store has no figures. */
export interface Figures {
  overview(): Promise<Part<StoreOverview> | null>
  status(): Promise<Part<StoreStatus> | null>
}

/** One for all consoles of the same sessions, so that many open pages do not fill the pool of the application. */
export const figuresOf: (engine: Engine) => Figures = perEngine(({ store: { inspect }, clock }) => ({
  overview: shared(async () =>
    inspect === undefined ? null : readPart(() => inspect.overview(clock.now(), DAYS)),
  ),
  status: shared(async () => (inspect === undefined ? null : readPart(() => inspect.status()))),
}))

/** Gives everybody who comes while a read is running its result. {@link readPart} bounds how long that is. */
function shared<T>(read: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | null = null
  return () => {
    running ??= read().finally(() => {
      running = null
    })
    return running
  }
}
