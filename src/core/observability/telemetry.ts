import type { Events } from './events.ts'

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
  /** Runs an operation, inside a span for example. Must return or throw the result of `work`. */
  trace<T>(operation: Operation, work: () => Promise<T>): Promise<T>
}

/** The default telemetry: none. */
export const noTelemetry: Telemetry = {
  observe: () => undefined,
  trace: (_operation, work) => work(),
}
