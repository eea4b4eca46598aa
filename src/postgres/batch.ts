import { setImmediate } from 'node:timers'
import { StoreUnavailableError } from '../portable/errors.ts'
import { isNodeAway } from './sqlstate.ts'
import { AnswerTimeoutError } from './with-timeout.ts'

/** Most calls in one statement. A longer list is split, so that Pawl and PostgreSQL work at the same time. */
const MAX_BATCH = 8
/** After a batch that failed because of one node, calls run alone for this many milliseconds. */
const ALONE_FOR = 30_000

interface Call<Input, Result> {
  readonly input: Input
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

/**
 * Batches the calls of one event-loop turn into one statement.
 * A call never gets the result of a statement that was sent before the call.
 * If the database rejects a batch, each of its calls is repeated alone: one bad call, or one node of a distributed
 * engine that is away, must not fail the others.
 *
 * @param runOne runs a call that is alone in its turn
 * @param runMany runs several calls, all or nothing. @returns the results in the order of the inputs
 * @param isAlone whether each call runs alone at present
 */
export function batch<Input, Result>(
  runOne: (input: Input) => Promise<Result>,
  runMany: (inputs: Input[]) => Promise<Result[]>,
  isAlone: () => boolean = () => false,
): (input: Input) => Promise<Result> {
  let pending: Call<Input, Result>[] = []
  let aloneUntil = Number.NEGATIVE_INFINITY

  function flush(): void {
    const calls = pending
    pending = []
    if (isAlone() || performance.now() < aloneUntil) {
      runEachAlone(calls)
      return
    }
    for (let from = 0; from < calls.length; from += MAX_BATCH)
      void runBatch(calls.slice(from, from + MAX_BATCH))
  }

  async function runBatch(calls: readonly Call<Input, Result>[]): Promise<void> {
    if (calls.length === 1) return runAlone(calls[0]!)
    try {
      const results = await runMany(calls.map(({ input }) => input))
      for (const [index, { resolve }] of calls.entries()) resolve(results[index]!)
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) return runEachAlone(calls)
      // A node that does not answer at all lets the whole batch time out.
      const isOneNode = isNodeAway(error.cause)
      if (isOneNode || error instanceof AnswerTimeoutError) aloneUntil = performance.now() + ALONE_FOR
      if (isOneNode) return runEachAlone(calls)
      // The database cannot be reached or is overloaded, so a repetition would fail or do harm.
      for (const { reject } of calls) reject(error)
    }
  }

  function runEachAlone(calls: readonly Call<Input, Result>[]): void {
    for (const call of calls) void runAlone(call)
  }

  const runAlone = ({ input, resolve, reject }: Call<Input, Result>): Promise<void> =>
    runOne(input).then(resolve, reject)

  return (input) =>
    new Promise((resolve, reject) => {
      if (pending.length === 0) setImmediate(flush)
      pending.push({ input, resolve, reject })
    })
}
