import { within } from '../../portable/within.ts'
import type { Engine } from '../engine.ts'
import type { KeyInfo } from '../keys/key-ring.ts'

/** What a process knows besides the state of the database. */
export interface ProcessFacts {
  /** The present time, in ms. */
  readonly at: number
  /** How far its clock is behind that of the database, in ms; `null` if it could not be measured. */
  readonly skew: number | null
  /** The signing keys in the database, as the secret of the process decrypts them; `null` without a secret. */
  readonly keys: readonly Pick<KeyInfo, 'epoch' | 'kid' | 'verifiesUntil' | 'usable'>[] | null
  /** Why LISTEN does not work in this process, in words; `null` if it does, or is not wanted. */
  readonly listenProblem: string | null
}

/** Milliseconds for the measurement of the clock. */
const MEASURE_WITHIN = 2000

/** What this process knows. Never rejects. */
export async function readProcess({ options, clock, ring, feed }: Engine): Promise<ProcessFacts> {
  const skew = await within<number | null>(
    MEASURE_WITHIN,
    () => clock.synchronize().catch(() => null),
    () => null,
  )
  return {
    at: clock.now(),
    skew,
    keys: options.keys.provided === null ? ring.list() : null,
    listenProblem: feed.problem,
  }
}
