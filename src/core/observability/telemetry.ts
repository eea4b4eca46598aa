import { catchRejection, type Events, guard, reportThrown } from './events.ts'

/** An operation that telemetry measures. */
export type Operation = 'create' | 'refresh' | 'check' | 'confirm' | 'poll' | 'prune'

/** Figures of this process, for health checks and metrics. */
export interface SessionsStats {
  /** The feed, by which this process learns of revocations by other processes. */
  readonly feed: {
    /** The option `revocation.mode`. */
    readonly mode: 'feed' | 'expiry' | 'lookup'
    /** Whether LISTEN works, so that revocations arrive within milliseconds. */
    readonly listening: boolean
    /** Seconds since this process last read all revocations; `null` with the mode `expiry`. */
    readonly staleness: number | null
    /** The number of sessions in the list of revocations: they ended or changed recently. */
    readonly entries: number
    /** The memory of the list, in bytes. */
    readonly bytes: number
    /** The number of messages of other programs on the NOTIFY channel. */
    readonly foreign: number
  }
  /** The confirmations: uses of access tokens, which Pawl records in the background. */
  readonly confirmations: {
    /** The number of confirmations that wait to be written; at most 10,000. */
    readonly queued: number
  }
}

/** The events and figures that a {@link Telemetry} observes. */
export interface TelemetrySource {
  /** Adds a listener of an event, as {@link Sessions.on}. */
  readonly on: Events['on']
  /** Returns the figures of this process; `null` until `createSessions` has finished. */
  stats(): SessionsStats | null
}

/** The connection to a telemetry library: `openTelemetry()` of `pawl/otel`, or your own implementation. */
export interface Telemetry {
  /**
   * Starts to observe. Pawl calls it once, at the beginning of `createSessions`.
   * @returns a function that Pawl calls when the sessions are closed or the start fails
   */
  observe(source: TelemetrySource): (() => void) | undefined
  /**
   * Runs an operation, inside a span for example. Call `work` before you return, and return its promise. Pawl takes the
   * result from `work` itself and does not wait for `trace`. An error of `trace` becomes one process warning.
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
