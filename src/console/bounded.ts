import { reportThrown } from '../core/observability/events.ts'
import { isSessionsError } from '../portable/errors.ts'
import { printable } from '../portable/printable.ts'
import { within } from '../portable/within.ts'

/** A page does not wait longer for one of its parts. Milliseconds. */
export const PART_WITHIN = 2000

/** A part of a page that may be missing, and why. */
export type Part<T> =
  | { readonly value: T; readonly problem: null }
  | { readonly value: null; readonly problem: string; readonly isAway: boolean }

/**
 * Reads a part of a page. It never rejects, because the other parts are worth showing.
 * @param name of the function, for the process warning that tells of an error other than an outage
 */
export async function readPart<T>(read: () => Promise<T>, name = 'the console'): Promise<Part<T>> {
  try {
    return { value: await bounded(read), problem: null }
  } catch (error) {
    if (!isOutage(error)) reportThrown(name, error)
    return { value: null, problem: problemWords(error), isAway: isAway(error) }
  }
}

/** @throws TooSlowError */
export function bounded<T>(read: () => Promise<T>): Promise<T> {
  return within(PART_WITHIN, read, () => {
    throw new TooSlowError()
  })
}

/** A read that has not ended in time. Nobody can tell here whether it has waited for the database or for a connection of the pool. */
export class TooSlowError extends Error {
  constructor() {
    super(
      `No answer within ${PART_WITHIN / 1000} s: the database is slow or away, or all connections of its pool are in use.`,
    )
  }
}

/** Whether the database is away or slow, which a page says instead of failing. */
export function isOutage(error: unknown): boolean {
  return error instanceof TooSlowError || isAway(error)
}

/** Whether the database is away for sure. */
function isAway(error: unknown): boolean {
  return isSessionsError(error) && error.code === 'ERR_STORE_UNAVAILABLE'
}

/** An outage in words. The message of another error may hold anything, so the console shows none. */
export function problemWords(error: unknown): string {
  if (error instanceof TooSlowError) return error.message
  if (isOutage(error)) return printable((error as Error).message)
  return 'Pawl could not read this part.'
}
