import { type Attributes, context } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  type DataPoint,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { afterAll, onTestFinished } from 'vitest'

/** One data point: the value of a counter or gauge, the count of a histogram. */
export interface Point {
  readonly value: number
  readonly attributes: Attributes
}

export interface Metrics {
  readonly provider: MeterProvider
  /** All metrics so far, by name. */
  collect(): Promise<ReadonlyMap<string, MetricData>>
}

/** A meter provider that keeps its metrics in memory. */
export function collectMetrics(): Metrics {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
  const provider = new MeterProvider({ readers: [reader] })
  onTestFinished(() => provider.shutdown())
  return {
    provider,
    async collect() {
      exporter.reset()
      await reader.forceFlush()
      const metrics = exporter
        .getMetrics()
        .flatMap(({ scopeMetrics }) => scopeMetrics)
        .flatMap((scope) => scope.metrics)
      return new Map(metrics.map((metric) => [metric.descriptor.name, metric]))
    },
  }
}

export function pointsOf(metric: MetricData | undefined): Point[] {
  return ((metric?.dataPoints ?? []) as (DataPoint<number> | DataPoint<Histogram>)[]).map((point) => ({
    value: typeof point.value === 'number' ? point.value : point.value.count,
    attributes: point.attributes,
  }))
}

export interface Spans {
  readonly provider: BasicTracerProvider
  /** The ended spans in order, optionally those of one name. */
  ended(name?: string): ReadableSpan[]
}

/** A tracer provider that keeps its spans in memory. */
export function collectSpans(): Spans {
  const exporter = new InMemorySpanExporter()
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
  onTestFinished(() => provider.shutdown())
  return {
    provider,
    ended: (name) => exporter.getFinishedSpans().filter((span) => name === undefined || span.name === name),
  }
}

/** Propagates contexts through asynchronous calls in this test file, as the SDK for Node does. */
export function followContexts(): void {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  afterAll(() => context.disable())
}
