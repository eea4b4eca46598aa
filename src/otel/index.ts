import { type Attributes, type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api'
import type { Telemetry } from '../core/observability/telemetry.ts'
import { methodOptions } from '../portable/options/method-options.ts'
import { countEvents } from './counters.ts'
import { observeStats } from './gauges.ts'
import { createTrace, describeSpans } from './operations.ts'

/** The options of {@link openTelemetry}. All of them are optional. */
export interface OpenTelemetryOptions {
  /** The provider of the meter. @defaultValue the provider that is registered with `@opentelemetry/api` at the call */
  readonly meterProvider?: MeterProvider
  /** The provider of the tracer. @defaultValue the provider that is registered with `@opentelemetry/api` when a span starts */
  readonly tracerProvider?: TracerProvider
  /** Attributes of every measurement and span, to distinguish several `createSessions` of one process. @defaultValue none */
  readonly attributes?: Attributes
}

/** Name of the instrumentation scope. */
const SCOPE = 'pawl'

/**
 * Makes the metrics and spans for the option `telemetry` of `createSessions`. Start the OpenTelemetry SDK before you call this
 * function: a meter from before the registration of the SDK records nothing.
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
