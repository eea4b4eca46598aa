import { setImmediate } from 'node:timers'
import { StoreUnavailableError } from '../portable/errors.ts'

/** Most calls in one statement. A longer list is split, so that Pawl and PostgreSQL work at the same time. */
const MAX_BATCH = 8

interface Call<Input, Result> {
  readonly input: Input
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/**
 * Batches the calls of one event-loop turn into one statement.
 * A call never gets the result of a statement that was sent before the call.
 * If the database rejects a batch, each of its calls is repeated alone, so that one bad call cannot fail the others.
 *
 * @param runOne runs a call that is alone in its turn
 * @param runMany runs several calls, all or nothing. @returns the results in the order of the inputs
 */
export function batch<Input, Result>(
  runOne: (input: Input) => Promise<Result>,
  runMany: (inputs: Input[]) => Promise<Result[]>,
): (input: Input) => Promise<Result> {
  let pending: Call<Input, Result>[] = []

  function flush(): void {
    const calls = pending
    pending = []
    for (let from = 0; from < calls.length; from += MAX_BATCH)
      void runBatch(calls.slice(from, from + MAX_BATCH))
  }

  async function runBatch(calls: readonly Call<Input, Result>[]): Promise<void> {
    if (calls.length === 1) return runAlone(calls[0]!)
    try {
      const results = await runMany(calls.map(({ input }) => input))
      for (const [index, { resolve }] of calls.entries()) resolve(results[index]!)
    } catch (error) {
      // The database cannot be reached, so a repetition would fail too.
      if (error instanceof StoreUnavailableError) for (const { reject } of calls) reject(error)
      else for (const call of calls) void runAlone(call)
    }
  }

  const runAlone = ({ input, resolve, reject }: Call<Input, Result>): Promise<void> =>
    runOne(input).then(resolve, reject)

  return (input) =>
    new Promise((resolve, reject) => {
      if (pending.length === 0) setImmediate(flush)
      pending.push({ input, resolve, reject })
    })
}
