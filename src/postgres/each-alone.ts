import { StoreUnavailableError } from '../portable/errors.ts'
import { isNodeAway } from './sqlstate.ts'

/** Statements at the same time. */
const AT_ONCE = 8
/** No further row is tried after this many milliseconds. */
const TRY_WITHIN = 5000

/**
 * Runs one statement for many rows. If the server answers it with an error, tries each row alone and leaves out those that
 * fail: on a distributed engine one node that is away must not fail the rows of the others.
 * @throws the error of `runMany` if it is of another kind, or if each row fails
 */
export async function leavingOutFailed<Input, Result>(
  inputs: readonly Input[],
  runMany: (inputs: readonly Input[]) => Promise<Result[]>,
  runOne: (input: Input) => Promise<Result[]>,
): Promise<Result[]> {
  try {
    return await runMany(inputs)
  } catch (error) {
    if (!(error instanceof StoreUnavailableError && isNodeAway(error.cause))) throw error
    const startedAt = performance.now()
    const results: Result[] = []
    let worked = false
    for (let from = 0; from < inputs.length && performance.now() - startedAt < TRY_WITHIN; from += AT_ONCE) {
      for (const one of await Promise.allSettled(inputs.slice(from, from + AT_ONCE).map(runOne))) {
        if (one.status === 'rejected') continue
        worked = true
        results.push(...one.value)
      }
    }
    if (!worked) throw error
    return results
  }
}
