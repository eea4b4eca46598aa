import type { Engine } from '../core/engine.ts'
import type { Listening, StoreOverview } from '../core/inspection.ts'
import type { StoreStatus } from '../core/store-status.ts'
import { type Part, readPart } from './bounded.ts'
import { perEngine } from './per-engine.ts'

const DAYS = 14
/** A faster read leaves no statement behind. Milliseconds. */
const SLOW = 500
/** Statements that a slow read has given up still hold connections or wait for a lock. Milliseconds until the next one. */
const PAUSE_AFTER_SLOW = 5000
/** A try of LISTEN opens a connection. Milliseconds until the next one; less if it failed, as in an outage. */
const LISTENING_KEPT = 60_000
const FAILURE_KEPT = 10_000

/** The costly reads of the overview. `null`: the store has no figures. */
export interface Figures {
  overview(): Promise<Part<StoreOverview> | null>
  status(): Promise<Part<StoreStatus> | null>
  /** Whether LISTEN works, where no feed knows it. */
  listening(): Promise<Part<Listening> | null>
}

/** One for all consoles of the same sessions, so that many open pages do not fill the pool of the application. */
export const figuresOf: (engine: Engine) => Figures = perEngine(({ store: { inspect }, clock }) => {
  if (inspect === undefined) {
    const none = async (): Promise<null> => null
    return { overview: none, status: none, listening: none }
  }
  const pause = (took: number): number => (took < SLOW ? 0 : PAUSE_AFTER_SLOW)
  const overview = shared(() => inspect.overview(clock.now(), DAYS), pause)
  const status = shared(() => inspect.status(), pause)
  const listening = shared(
    () => inspect.listening(),
    (_, { working }) => (working === true ? LISTENING_KEPT : FAILURE_KEPT),
  )
  return {
    overview: () => readPart(overview),
    status: () => readPart(status),
    listening: () => readPart(listening),
  }
})

/**
 * Gives everybody who comes while a read is running its result, also after a page has given up waiting for it.
 * @param keep for how many milliseconds to give the result afterwards, by the milliseconds that the read took
 */
function shared<T>(read: () => Promise<T>, keep: (took: number, result: T) => number): () => Promise<T> {
  let latest: Promise<T> | null = null
  let keptUntil = 0
  async function readOnce(): Promise<T> {
    const startedAt = performance.now()
    keptUntil = Number.POSITIVE_INFINITY
    try {
      const result = await read()
      keptUntil = performance.now() + keep(performance.now() - startedAt, result)
      return result
    } catch (error) {
      keptUntil = 0
      throw error
    }
  }
  return () => {
    if (latest === null || performance.now() >= keptUntil) latest = readOnce()
    return latest
  }
}
