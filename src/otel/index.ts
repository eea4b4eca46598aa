import { type Attributes, type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api'
import type { Telemetry } from '../core/observability/telemetry.ts'
import { methodOptions } from '../portable/options/method-options.ts'
import { countEvents } from './counters.ts'
import { observeStats } from './gauges.ts'
import { createTrace, describeSpans } from './operations.ts'

/** What {@link openTelemetry} takes. */
export interface OpenTelemetryOptions {
  /** @defaultValue the provider that is registered with `@opentelemetry/api` at the time of the call */
  readonly meterProvider?: MeterProvider
  /** @defaultValue the provider that is registered with `@opentelemetry/api` when a span starts */
  readonly tracerProvider?: TracerProvider
  /** Added to every measurement and span. Distinguishes several `createSessions` of one process. @defaultValue none */
  readonly attributes?: Attributes
}

/** Name of the instrumentation scope. */
const SCOPE = 'pawl'

/**
 * Metrics and spans for the option `telemetry`. Start the OpenTelemetry SDK before you call this function:
 * a meter from before the SDK's registration never records anything.
 *
 * @example
 * import { openTelemetry } from 'pawl/otel'
 *
 * const sessions = await createSessions({ store, secret, telemetry: openTelemetry() })
 *
 * @throws TypeError for an unknown option
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Telemetry {
  const {
    meterProvider = metrics.getMeterProvider(),
    tracerProvider = trace.getTracerProvider(),
    attributes = {},
  } = methodOptions('openTelemetry', options, 'meterProvider', 'tracerProvider', 'attributes')
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
