import { percentile } from '../fleet/percentile.ts'
import type { Latency, Recovery } from './report.ts'

/** From `from` to `to`, in milliseconds after the start of the load. */
export interface Interval {
  readonly from: number
  readonly to: number
}

/** A call that takes longer than this shows trouble, even if it works: Pawl retries for up to 3 s. */
const SLOW = 1000
/** Trouble within this time of earlier trouble is the same outage. */
const SAME_OUTAGE = 5000
/** Bounds the report, whatever messages a database has. */
const MAX_KINDS = 200

/** What the calls of all users tell about the database. */
export interface Timeline {
  /** A call that reached for the database, or failed to. `kind` names a failure. */
  add(operation: string, call: Interval, kind: string | null): void
  readonly worked: Readonly<Record<string, number>>
  readonly errors: Readonly<Record<string, number>>
  readonly perSecond: readonly (readonly [ok: number, error: number])[]
  readonly refreshes: readonly number[]
  /** Times in which calls failed, from the start of the first to the end of the last. */
  outages(): Interval[]
  /** For hooks that started at these times, in order. */
  recoveries(hooks: readonly { name: string; at: number; failed: string | null }[]): Recovery[]
}

export function createTimeline(): Timeline {
  const worked: Record<string, number> = {}
  const errors: Record<string, number> = {}
  const perSecond: [number, number][] = []
  const refreshes: number[] = []
  const failures: Span[] = []
  /** Failed and slow calls. */
  const trouble: Span[] = []
  let lastWorked = 0
  let lastFailed = 0

  return {
    worked,
    errors,
    perSecond,
    refreshes,
    add(operation, { from, to }, kind) {
      const second = Math.max(0, Math.floor(to / 1000))
      while (perSecond.length <= second) perSecond.push([0, 0])
      if (kind === null) {
        count(worked, operation)
        perSecond[second]![0]++
        lastWorked = to
        if (operation === 'refresh') refreshes.push(to - from)
      } else {
        count(errors, kind in errors || Object.keys(errors).length < MAX_KINDS ? kind : 'other')
        perSecond[second]![1]++
        lastFailed = to
        extend(failures, { from, to })
      }
      if (kind !== null || to - from > SLOW) extend(trouble, { from, to })
    },
    outages: () => joined(failures, SAME_OUTAGE),
    recoveries(hooks) {
      const outages = joined(trouble, SAME_OUTAGE)
      const failing = lastFailed > lastWorked
      return hooks.map(({ name, at, failed }, index) => {
        const next = hooks.slice(index + 1).find((hook) => hook.at > at)?.at ?? Number.POSITIVE_INFINITY
        // An outage may outlast the next hook: a kill, and the start a while later.
        const caused = outages.filter(({ from, to }) => to >= at && from < next)
        const end = Math.max(at, ...caused.map(({ to }) => to))
        const recovered = !failing || end < outages.at(-1)!.to
        return { name, at: at / 1000, seconds: recovered ? (end - at) / 1000 : null, failed }
      })
    },
  }
}

interface Span {
  from: number
  to: number
}

/** Calls that overlap share an interval, so that an outage of an hour with a thousand users stays small. */
function extend(spans: Span[], { from, to }: Interval): void {
  const last = spans.at(-1)
  if (last === undefined || from > last.to) spans.push({ from, to })
  else {
    last.from = Math.min(last.from, from)
    last.to = Math.max(last.to, to)
  }
}

function joined(intervals: readonly Interval[], gap: number): Interval[] {
  const result: Span[] = []
  for (const { from, to } of intervals.toSorted((a, b) => a.from - b.from)) {
    const last = result.at(-1)
    if (last === undefined || from > last.to + gap) result.push({ from, to })
    else last.to = Math.max(last.to, to)
  }
  return result
}

export function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}

export function latencyOf(values: readonly number[]): Latency {
  if (values.length === 0) return { p50: null, p99: null, max: null }
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99), max: percentile(values, 1) }
}
