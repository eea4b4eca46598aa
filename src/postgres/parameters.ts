import type { Ending, Expected, ListPage, Position } from '../core/store.ts'
import { firstDay, timestamp } from './times.ts'

export type Scalar = string | number | boolean | null

/** What every driver carries. Drivers differ in how they encode dates, objects and bytes, in arrays above all. */
export type Parameter = Scalar | readonly Scalar[]

/** `bytea` as text, in PostgreSQL's hex format. */
export function bytes(value: Uint8Array): string
export function bytes(value: Uint8Array | null): string | null
export function bytes(value: Uint8Array | null): string | null {
  return value === null ? null : `\\x${Buffer.from(value).toString('hex')}`
}

/** The condition of a compare-and-set: $1 to $3 of every statement that has one. */
export function expectedValues({ id, generation, current }: Expected): [string, number, string] {
  return [id, generation, bytes(current)]
}

/** Time and reason of an end, and the day on which the row may be deleted. */
export function endingValues({ at, reason, pruneAt }: Ending): [string, string, string] {
  return [timestamp(at), reason, firstDay(pruneAt)]
}

/** Who presented the token of an end, which only an audit records. */
export function presenterValues({ presenter }: Ending): [string | null, string | null] {
  return [presenter?.ip ?? null, presenter?.userAgent ?? null]
}

/** A part of the sessions of a user: $1 to $5 of `listByUser`. */
export function listValues(userId: string, { activeAt, after, limit }: ListPage): Scalar[] {
  return [userId, timestamp(activeAt), ...positionValues(after), limit]
}

/** A cursor: the time and the id of the last row that was read. */
export function positionValues(after: Position | null): [string | null, string | null] {
  return [timestamp(after?.at ?? null), after?.id ?? null]
}
