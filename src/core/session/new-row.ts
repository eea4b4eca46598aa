import type { SessionRow } from '../store.ts'

type NewFields =
  | 'generation'
  | 'previous'
  | 'turnedAt'
  | 'switchedAt'
  | 'renewals'
  | 'reuseSince'
  | 'version'
  | 'dataVersion'
  | 'parentId'
  | 'device'
  | 'endedAt'
  | 'endReason'

/** What the rows of all new sessions have in common. */
export function newRow(now: number): Pick<SessionRow, NewFields> {
  return {
    generation: 0,
    previous: null,
    turnedAt: now,
    switchedAt: null,
    renewals: [],
    reuseSince: null,
    version: 0,
    dataVersion: 0,
    parentId: null,
    device: null,
    endedAt: null,
    endReason: null,
  }
}
