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
  outages(): Interval[]
  /** For hooks that started at these times, in order. */
  recoveries(hooks: readonly { name: string; at: number; failed: string | null }[]): Recovery[]
}

export function createTimeline(): Timeline {
  const worked: Record<string, number> = {}
  const errors: Record<string, number> = {}
  const perSecond: [number, number][] = []
  const refreshes: number[] = []
  /** In the order in which the calls ended. */
  const trouble: { from: number; to: number }[] = []
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
      }
      if (kind !== null || to - from > SLOW) addTrouble(trouble, { from, to })
    },
    outages: () => joined(trouble, SAME_OUTAGE),
    recoveries: (hooks) =>
      hooks.map(({ name, at, failed }, index) => {
        const next = hooks[index + 1]?.at ?? Number.POSITIVE_INFINITY
        const ends = trouble.filter(({ to }) => to >= at).map(({ from, to }) => (from < next ? to : at))
        const end = Math.min(next, Math.max(at, ...ends))
        const over = next < Number.POSITIVE_INFINITY || lastWorked >= lastFailed
        return { name, at: at / 1000, seconds: over ? (end - at) / 1000 : null, failed }
      }),
  }
}

/** Calls that overlap share an interval, so that an outage of an hour with a thousand users stays small. */
function addTrouble(trouble: { from: number; to: number }[], { from, to }: Interval): void {
  const last = trouble.at(-1)
  if (last === undefined || from > last.to) trouble.push({ from, to })
  else {
    last.from = Math.min(last.from, from)
    last.to = Math.max(last.to, to)
  }
}

function joined(intervals: readonly Interval[], gap: number): Interval[] {
  const result: { from: number; to: number }[] = []
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
