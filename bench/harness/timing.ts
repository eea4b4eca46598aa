import { quantile, type Spread, spread } from './figures.ts'

/** An operation to time. */
export interface Contender {
  /** Its part of the figure's id. */
  readonly id: string
  /** Repetitions per round, chosen so that the contenders of a round take about the same time. */
  readonly count: number
  /** Repeats the operation `count` times. @returns nanoseconds per operation */
  measure(count: number): number | Promise<number>
}

/** How often to repeat something. */
export interface Repetitions {
  readonly most: number
  /** Repeated at least this often, even if that exceeds `seconds`. */
  readonly least: number
  /** No repetition starts later, so that a slow machine repeats less often. */
  readonly seconds: number
}

export function* repetitions(
  { most, least, seconds }: Repetitions,
  progress: (done: number) => void,
): Generator<number> {
  const startedAt = performance.now()
  for (let index = 0; index < most; index++) {
    const passed = (performance.now() - startedAt) / 1000 / seconds
    if (index >= least && passed > 1) return
    progress(Math.max(index / most, Math.min(passed, 1)))
    yield index
  }
}

const FEWEST_ROUNDS = 5

/**
 * Measures the contenders in turn, so that other load on the machine affects all of them. Every second round runs
 * backwards, because the predecessor affects a measurement. The first round is a warm-up.
 *
 * @returns nanoseconds per operation in each round, by the contender's id
 */
export async function measureInRounds(
  contenders: readonly Contender[],
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
  progress: (done: number) => void,
): Promise<(id: string) => readonly number[]> {
  const measured = new Map(contenders.map(({ id }): [string, number[]] => [id, []]))
  const course = { most: rounds + 1, least: FEWEST_ROUNDS + 1, seconds }
  for (const round of repetitions(course, progress)) {
    for (const { id, count, measure } of round % 2 === 0 ? contenders : contenders.toReversed()) {
      const nanoseconds = await measure(count)
      if (round > 0) measured.get(id)!.push(nanoseconds)
    }
  }
  return (id) => measured.get(id)!
}

/** `a` divided by `b`, round by round, because both met the same load in a round. */
export function ratio(a: readonly number[], b: readonly number[]): Spread {
  return spread(a.map((value, round) => value / b[round]!))
}

/** @returns the median, in nanoseconds, of calls made one after another */
export async function medianOf(count: number, call: () => Promise<void>): Promise<number> {
  const nanoseconds: number[] = []
  for (let i = 0; i < count; i++) {
    const startedAt = process.hrtime.bigint()
    await call()
    nanoseconds.push(Number(process.hrtime.bigint() - startedAt))
  }
  return quantile(nanoseconds, 0.5)
}

/** @returns the results in order, and the elapsed nanoseconds divided by `count` */
export async function runConcurrently<T>(
  concurrency: number,
  count: number,
  work: (index: number) => Promise<T>,
): Promise<{ results: T[]; nanoseconds: number }> {
  const results: T[] = new Array(count)
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next++
      results[index] = await work(index)
    }
  }
  const startedAt = process.hrtime.bigint()
  await Promise.all(Array.from({ length: concurrency }, worker))
  return { results, nanoseconds: Number(process.hrtime.bigint() - startedAt) / count }
}
