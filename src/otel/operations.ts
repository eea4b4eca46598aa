import {
  type Attributes,
  context,
  createContextKey,
  INVALID_TRACEID,
  type Meter,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { Operation, Telemetry, TelemetrySource } from '../core/observability/telemetry.ts'
import { errorType } from './error-type.ts'

/**
 * Background work has traces of its own: it is done for many, and goes on long after the request in whose
 * context its timer happened to start.
 */
const BACKGROUND: Readonly<Record<Operation, boolean>> = {
  create: false,
  refresh: false,
  check: false,
  confirm: true,
  poll: true,
  prune: true,
}

/** In seconds. From a primary key read on a fast network to where a client gives up. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Finds the operation an event belongs to, whatever spans were opened inside of it. */
const CURRENT = createContextKey('pawl operation')

interface Current {
  readonly operation: Operation
  readonly span: Span
}

/** A span around every operation, active while it runs, and its duration. */
export function createTrace(tracer: Tracer, meter: Meter, attributes: Attributes): Telemetry['trace'] {
  const duration = meter.createHistogram('pawl.operation.duration', {
    unit: 's',
    description: 'Duration of operations.',
    advice: { explicitBucketBoundaries: BUCKETS },
  })

  async function run<T>(
    operation: Operation,
    span: Span,
    startedAt: number,
    work: () => Promise<T>,
  ): Promise<T> {
    const measured: Attributes = { ...attributes, 'pawl.operation': operation }
    try {
      return await work()
    } catch (error) {
      measured['error.type'] = describeFailure(span, error)
      throw error
    } finally {
      // While the span is active, so that the measurement can point at it.
      duration.record((performance.now() - startedAt) / 1000, measured)
      span.end()
    }
  }

  return (operation, work) => {
    const startedAt = performance.now()
    const root = BACKGROUND[operation]
    const span = tracer.startSpan(`pawl.${operation}`, { kind: SpanKind.INTERNAL, root, attributes })
    // Without an SDK there is nothing to hand on, and contexts are most of what tracing would cost.
    if (span.spanContext().traceId === INVALID_TRACEID) return run(operation, span, startedAt, work)
    const current: Current = { operation, span }
    const active = trace.setSpan(context.active(), span).setValue(CURRENT, current)
    return context.with(active, () => run(operation, span, startedAt, work))
  }
}

/** Says on spans what events and errors tell about them. */
export function describeSpans(source: Pick<TelemetrySource, 'on'>): void {
  // `ended` is not among them: a login may end other sessions.
  source.on('created', ({ sessionId }) => currentSpan('create')?.setAttribute('session.id', sessionId))
  source.on('refreshLimited', ({ sessionId }) =>
    currentSpan('refresh')?.setAttribute('session.id', sessionId),
  )
  source.on('refreshed', ({ sessionId, verdict }) =>
    currentSpan('refresh')?.setAttributes({ 'session.id': sessionId, 'pawl.verdict': verdict }),
  )
}

function currentSpan(operation: Operation): Span | undefined {
  const current = context.active().getValue(CURRENT) as Current | undefined
  return current?.operation === operation ? current.span : undefined
}

/** @returns `error.type` */
function describeFailure(span: Span, error: unknown): string {
  const { type, fault, message, sessionId } = errorType(error)
  span.setAttribute('error.type', type)
  if (sessionId !== undefined) span.setAttribute('session.id', sessionId)
  if (fault)
    span.setStatus(
      message === undefined ? { code: SpanStatusCode.ERROR } : { code: SpanStatusCode.ERROR, message },
    )
  return type
}
