import type { KeyInfo } from '../keys/key-ring.ts'
import type { StoreStatus } from '../store-status.ts'
import type { Finding } from './finding.ts'

/** What a process knows besides the state of the database. */
export interface ProcessFacts {
  /** How far its clock is behind that of the database, in ms; `null` if it was not measured. */
  readonly skew: number | null
  /** The signing keys in the database, as the secret of the process decrypts them; `null` without a secret. */
  readonly keys: readonly Pick<KeyInfo, 'epoch' | 'kid' | 'verifiesUntil' | 'usable'>[] | null
  /** Why LISTEN does not work in this process, in words; `null` if it does, or is not wanted. */
  readonly listenProblem: string | null
}

/**
 * What needs attention, and what to do about it, the worst first.
 * @param status `null` if the database is away or has no status
 */
export function diagnose(_status: StoreStatus | null, _process: ProcessFacts): Finding[] {
  return []
}
