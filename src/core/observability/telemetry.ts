import type { Events } from './events.ts'

/** What is worth timing. */
export type Operation = 'create' | 'refresh' | 'check' | 'confirm' | 'poll' | 'prune'

/** Numbers of this process, at this moment. */
export interface SessionsStats {
  readonly feed: {
    /** The option `revocation`. */
    readonly mode: 'feed' | 'expiry' | 'lookup'
    /** Whether LISTEN delivers, so that revocations arrive within milliseconds. */
    readonly listening: boolean
    /** Seconds since this process last knew of every revocation; `null` where there is no feed. */
    readonly staleness: number | null
    /** Sessions that ended or changed lately, each held in memory. */
    readonly entries: number
    /** What they take, in bytes. */
    readonly bytes: number
    /** Messages on the NOTIFY channel that were not Pawl's. */
    readonly foreign: number
  }
  readonly confirmations: {
    /** Waiting to be written; at most 10,000. */
    readonly queued: number
  }
}

/** What a {@link Telemetry} may look at. */
export interface TelemetrySource {
  readonly on: Events['on']
  /** `null` until everything has started. */
  stats(): SessionsStats | null
}

/** The seam to a telemetry library: `openTelemetry()` of `pawl/otel`, or one of your own. */
export interface Telemetry {
  /** Called once, before anything happens. @returns what is to be called when the sessions are closed */
  observe(source: TelemetrySource): (() => void) | undefined
  /** Runs an operation, inside a span for example. Answers and throws what `work` does. */
  trace<T>(operation: Operation, work: () => Promise<T>): Promise<T>
}

/** Where no telemetry is wanted. */
export const noTelemetry: Telemetry = {
  observe: () => undefined,
  trace: (_operation, work) => work(),
}
