import { type Figure, shown } from '../harness/report.ts'
import { quantile } from '../harness/rounds.ts'
import { EVENTS } from './people.ts'
import type { Sample } from './run.ts'

const MIB = 2 ** 20

interface Watched {
  readonly name: 'heap' | 'rss' | 'delayP99' | 'p50' | 'p99'
  readonly what: string
  /** How far the last third may be above the middle third. */
  readonly atMost: number
  /** In milliseconds: whatever is below is as good as this, so that no ratio is made of nothing. */
  readonly floor?: number
}

/** Times depend on the machine's other work as well. */
const WATCHED: readonly Watched[] = [
  { name: 'heap', what: 'heap of the servers after a collection', atMost: 1.1 },
  { name: 'rss', what: 'resident memory of the servers', atMost: 1.1 },
  { name: 'delayP99', what: 'event loop delay, p99 of the worst server', atMost: 1.5, floor: 5 },
  { name: 'p50', what: 'latency of all requests, p50', atMost: 1.3, floor: 2 },
  { name: 'p99', what: 'latency of all requests, p99', atMost: 1.5, floor: 20 },
]

/** The median of the last third of the samples against that of the middle third; and what there was of everything. */
export function flatness(samples: readonly Sample[]): Figure[] {
  const third = Math.floor(samples.length / 3)
  const [middle, last] = [samples.slice(third, 2 * third), samples.slice(2 * third)]
  const flat = WATCHED.map(({ name, what, atMost, floor = 0 }): Figure => {
    const median = (of: readonly Sample[]): number => {
      const values = of.map((sample) => sample[name])
      return Math.max(floor, quantile(values, 0.5))
    }
    return {
      id: `soak.${name}`,
      what: `${what}${floor === 0 ? '' : ` (at least ${floor} ms)`}: last third against the middle third`,
      value: median(last) / median(middle),
      unit: '×',
      target: { atMost },
    }
  })
  return [...flat, ...totals(samples)]
}

const HAPPENED: Readonly<Record<(typeof EVENTS)[number], string>> = {
  logins: 'logins',
  refreshes: 'refreshes',
  together: 'times that several tabs refreshed at once',
  again: 'refreshes that were told to try again',
  logouts: 'logouts',
  revocations: 'revocations on one server that another one came to know',
  visits: 'visits without a session',
  refusals: 'refusals of made-up tokens',
}

/** It says nothing of what has not happened. */
function totals(samples: readonly Sample[]): Figure[] {
  return EVENTS.map((name) => ({
    id: `soak.total.${name}`,
    what: HAPPENED[name],
    value: samples.reduce((sum, sample) => sum + sample[name], 0),
    unit: '',
    ...(name !== 'again' && { target: { atLeast: 1 } }),
  }))
}

const ROWS = 20
const COLUMNS: readonly (readonly [string, (sample: Sample) => string])[] = [
  ['seconds', ({ at }) => String(at)],
  ['requests', ({ requests }) => shown(requests)],
  ['logins', ({ logins }) => shown(logins)],
  ['refreshes', ({ refreshes }) => shown(refreshes)],
  ['logouts', ({ logouts }) => shown(logouts)],
  ['revoked', ({ revocations }) => shown(revocations)],
  ['heap MiB', ({ heap }) => (heap / MIB).toFixed(1)],
  ['RSS MiB', ({ rss }) => (rss / MIB).toFixed(1)],
  ['delay p99 ms', ({ delayP99 }) => delayP99.toFixed(1)],
  ['p50 ms', ({ p50 }) => p50.toFixed(1)],
  ['p99 ms', ({ p99 }) => p99.toFixed(1)],
]

export function printSamples(samples: readonly Sample[]): void {
  const row = (cells: readonly string[]): string =>
    cells.map((cell, column) => cell.padStart(Math.max(8, COLUMNS[column]![0].length))).join('  ')
  console.log(row(COLUMNS.map(([name]) => name)))
  // So many are enough to see the shape; all are in the JSON.
  const every = Math.ceil(samples.length / ROWS)
  for (const sample of samples.filter((_, index) => (index + 1) % every === 0))
    console.log(row(COLUMNS.map(([, of]) => of(sample))))
  console.log('')
}
