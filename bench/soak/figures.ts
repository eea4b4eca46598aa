import { type Figure, figure, formatNumber, spread } from '../harness/figures.ts'
import type { Sample } from './run.ts'
import { EVENTS, type Event } from './scenarios.ts'

interface Bound {
  readonly field: 'heap' | 'rss' | 'delayP99' | 'p50' | 'p99'
  readonly what: string
  readonly unit: 'MiB' | 'ms'
  /** The highest ratio of the last third to the middle third. */
  readonly atMost: number
  /** Lower values count as this one, because ratios of tiny values mean nothing. */
  readonly floor?: number
}

/** Times have wider bounds, because they also depend on other load of the machine. */
const BOUNDS: readonly Bound[] = [
  { field: 'heap', what: 'heap of the servers after a collection', unit: 'MiB', atMost: 1.1 },
  { field: 'rss', what: 'resident memory of the servers', unit: 'MiB', atMost: 1.1 },
  { field: 'delayP99', what: 'event loop delay, p99, slowest server', unit: 'ms', atMost: 1.5, floor: 5 },
  { field: 'p50', what: 'latency of all requests, p50', unit: 'ms', atMost: 1.3, floor: 2 },
  { field: 'p99', what: 'latency of all requests, p99', unit: 'ms', atMost: 1.5, floor: 20 },
]

/** Compares the median of the last third of the samples with that of the middle third, and sums the events. */
export function figuresOf(samples: readonly Sample[]): Figure[] {
  const third = Math.floor(samples.length / 3)
  const [middle, last] = [samples.slice(third, 2 * third), samples.slice(2 * third)]
  const total = (field: Event | 'requests'): number => samples.reduce((sum, sample) => sum + sample[field], 0)
  return [
    ...BOUNDS.map(({ field, what, unit, atMost, floor = 0 }) => {
      const median = (of: readonly Sample[]): number => spread(of.map((sample) => sample[field])).median
      const atEnd = `${formatNumber(median(last) / (unit === 'MiB' ? 2 ** 20 : 1))} ${unit} at the end`
      const floorText = floor === 0 ? '' : `, at least ${floor} ms`
      const ratio = Math.max(floor, median(last)) / Math.max(floor, median(middle))
      const text = `${what} (${atEnd}${floorText}): last third against the middle third`
      return figure(`soak.${field}`, text, ratio, '×', { atMost })
    }),
    figure('soak.total.requests', 'requests', total('requests'), ''),
    ...Object.entries(EVENTS).map(([event, what]) => {
      // Every scenario must have happened. Only retries are rare.
      const atLeast = event === 'again' ? undefined : 1
      return figure(`soak.total.${event}`, what, total(event as Event), '', { atLeast })
    }),
  ]
}
