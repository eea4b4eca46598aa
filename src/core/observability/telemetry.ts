import { catchRejection, type Events, guard, reportThrown } from './events.ts'

/** The operations that telemetry measures. */
export type Operation = 'create' | 'refresh' | 'check' | 'confirm' | 'poll' | 'prune'

/** The current state of this process, for health checks and metrics. */
export interface SessionsStats {
  readonly feed: {
    /** The option `revocation`. */
    readonly mode: 'feed' | 'expiry' | 'lookup'
    /** Whether LISTEN works, so that revocations arrive within milliseconds. */
    readonly listening: boolean
    /** Seconds since this process read all revocations; `null` without a feed. */
    readonly staleness: number | null
    /** Sessions in memory that ended or changed recently. */
    readonly entries: number
    /** The memory they take, in bytes. */
    readonly bytes: number
    /** Messages of other programs on the NOTIFY channel. */
    readonly foreign: number
  }
  readonly confirmations: {
    /** Confirmations that wait to be written; at most 10,000. */
    readonly queued: number
  }
}

/** The events and numbers that a {@link Telemetry} observes. */
export interface TelemetrySource {
  readonly on: Events['on']
  /** `null` until `createSessions` has finished. */
  stats(): SessionsStats | null
}

/** Connects a telemetry library: `openTelemetry()` of `pawl/otel`, or your own implementation. */
export interface Telemetry {
  /** Called once, before the start. @returns a function that is called when the sessions are closed */
  observe(source: TelemetrySource): (() => void) | undefined
  /**
   * Runs an operation, inside a span for example. Call `work` before you return, and return its promise. Pawl takes the
   * result from `work` itself: it never waits longer for `trace`, and an error of `trace` only becomes a process warning.
   */
  trace<T>(operation: Operation, work: () => Promise<T>): Promise<T>
}

/**
 * The telemetry of the application. It may observe an operation, but never delay, repeat or prevent it: an operation that
 * `trace` has not started by the time it returns starts without it.
 */
export function guardTelemetry(telemetry: Telemetry): Telemetry {
  if (telemetry === noTelemetry) return telemetry
  let reported = false
  /** Only once, because it usually fails for every operation. */
  function report(error: unknown): void {
    if (!reported) reportThrown('`telemetry.trace` (reported only once)', error)
    reported = true
  }
  return {
    observe(source) {
      const stop: unknown = telemetry.observe(source)
      return typeof stop === 'function'
        ? guard('the function of `telemetry.observe`', () => stop())
        : undefined
    },
    trace<T>(operation: Operation, work: () => Promise<T>): Promise<T> {
      let running: Promise<T> | null = null
      const runOnce = (): Promise<T> => (running ??= start(work))
      /** An error of the operation itself passes through `trace`. */
      function reportOwn(error: unknown): void {
        runOnce().then(
          () => report(error),
          (failure) => failure !== error && report(error),
        )
      }
      try {
        catchRejection(telemetry.trace(operation, runOnce), reportOwn)
      } catch (error) {
        reportOwn(error)
      }
      return runOnce()
    },
  }
}

async function start<T>(work: () => Promise<T>): Promise<T> {
  return work()
}

/** The default telemetry: none. */
export const noTelemetry: Telemetry = {
  observe: () => undefined,
  trace: (_operation, work) => work(),
}
