/** One thing to be timed. */
export interface Contender {
  readonly name: string
  /** Does the work `count` times. @returns nanoseconds of one */
  measure(count: number): number | Promise<number>
  /** How often in a round, so that rounds take about the same time. */
  readonly count: number
}

/** What a contender took, over all rounds. */
export interface Timing {
  readonly median: number
  /** Every round's figure, in their order. */
  readonly rounds: readonly number[]
}

/** How often something is done. */
export interface Course {
  readonly most: number
  /** Done however long it takes. */
  readonly least: number
  /** When so many seconds have passed, it is not begun again: a machine that is slow today does it less often. */
  readonly within: number
}

/** From 0 on; tells the progress before each. */
export function* repeats(
  { most, least, within }: Course,
  progress: (done: number) => void,
): Generator<number> {
  const startedAt = performance.now()
  for (let index = 0; index < most; index++) {
    const passed = (performance.now() - startedAt) / 1000 / within
    if (index >= least && passed > 1) return
    progress(Math.max(index / most, Math.min(passed, 1)))
    yield index
  }
}

const FEWEST = 5

/**
 * Measures all contenders by turns, so that whatever else the machine does meets all of them; every second
 * round backwards, so that nobody always follows the same one. Before them there is one that does not count.
 */
export async function inRounds(
  contenders: readonly Contender[],
  { rounds, within }: { readonly rounds: number; readonly within: number },
  progress: (done: number) => void,
): Promise<ReadonlyMap<string, Timing>> {
  const all = new Map(contenders.map(({ name }): [string, number[]] => [name, []]))
  for (const round of repeats({ most: rounds + 1, least: FEWEST + 1, within }, progress)) {
    for (const { name, count, measure } of round % 2 === 0 ? contenders : contenders.toReversed()) {
      const taken = await measure(count)
      if (round > 0) all.get(name)!.push(taken)
    }
  }
  return new Map([...all].map(([name, list]) => [name, { median: quantile(list, 0.5), rounds: list }]))
}

/** A figure that was measured once a round. */
export interface Spread {
  readonly median: number
  readonly low: number
  readonly high: number
}

/** How often `b` fits into `a`, round by round: both met the same noise. */
export function ratio(a: Timing, b: Timing): Spread {
  return spread(a.rounds.map((value, round) => value / b.rounds[round]!))
}

/** The median, and where the middle four fifths end. */
export function spread(values: readonly number[]): Spread {
  return { median: quantile(values, 0.5), low: quantile(values, 0.1), high: quantile(values, 0.9) }
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const below = sorted[Math.floor(at)]!
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at))
}

/**
 * Does something for each index, so many at once.
 * @returns what it came to, and nanoseconds of one: of the whole time, divided
 */
export async function atOnce<T>(
  concurrency: number,
  count: number,
  work: (index: number) => Promise<T>,
): Promise<{ results: T[]; each: number }> {
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
  return { results, each: Number(process.hrtime.bigint() - startedAt) / count }
}
