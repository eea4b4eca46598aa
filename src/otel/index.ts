import { type Attributes, type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api'
import type { Telemetry } from '../core/observability/telemetry.ts'
import { countEvents } from './counters.ts'
import { observeStats } from './gauges.ts'
import { createTrace, describeSpans } from './operations.ts'

/** What {@link openTelemetry} takes. */
export interface OpenTelemetryOptions {
  /** @defaultValue the one registered with `@opentelemetry/api` at the time of the call */
  readonly meterProvider?: MeterProvider
  /** @defaultValue the one registered with `@opentelemetry/api`, now or later */
  readonly tracerProvider?: TracerProvider
  /** Added to every measurement and span: tells several `createSessions` of one process apart. @defaultValue none */
  readonly attributes?: Attributes
}

/** The instrumentation scope. */
const SCOPE = 'pawl'

/**
 * Metrics and spans for the option `telemetry`, by `@opentelemetry/api`. Start the OpenTelemetry SDK first:
 * the API gives out meters that measure nothing until it is registered, and never exchanges them.
 *
 * @example
 * import { openTelemetry } from 'pawl/otel'
 *
 * const sessions = await createSessions({ store, secret, telemetry: openTelemetry() })
 */
export function openTelemetry({
  meterProvider = metrics.getMeterProvider(),
  tracerProvider = trace.getTracerProvider(),
  attributes = {},
}: OpenTelemetryOptions = {}): Telemetry {
  const meter = meterProvider.getMeter(SCOPE)
  return {
    observe(source) {
      countEvents(source, meter, attributes)
      describeSpans(source)
      return observeStats(source, meter, attributes)
    },
    trace: createTrace(tracerProvider.getTracer(SCOPE), meter, attributes),
  }
}
