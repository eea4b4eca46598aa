import type { Ending, Expected, Position } from '../core/store.ts'
import { firstDay, timestamp } from './times.ts'

/** The condition of a compare-and-set: $1 to $3 of every statement that has one. */
export function expectedValues({ id, generation, current }: Expected): unknown[] {
  return [id, generation, current]
}

/** Time and reason of an end, and the day on which the row may be deleted. */
export function endingValues({ at, reason, pruneAt }: Ending): unknown[] {
  return [timestamp(at), reason, firstDay(pruneAt)]
}

/** A cursor: the time and the id of the last row that was read. */
export function positionValues(after: Position | null): unknown[] {
  return [timestamp(after?.at ?? null), after?.id ?? null]
}
