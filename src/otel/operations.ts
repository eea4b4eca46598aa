import {
  type Attributes,
  context,
  createContextKey,
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
 * Background operations start traces of their own: they serve many requests, and outlive the request whose
 * context started their timer.
 */
const BACKGROUND: Readonly<Record<Operation, boolean>> = {
  create: false,
  refresh: false,
  check: false,
  confirm: true,
  poll: true,
  prune: true,
}

/** Seconds, from a fast read by primary key to the timeout of a client. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Leads from an event to its operation, also inside the spans of the database driver. */
const CURRENT = createContextKey('pawl operation')

interface Current {
  readonly operation: Operation
  readonly span: Span
}

/** Records a span and the duration of every operation. The span is active while the operation runs. */
export function createTrace(tracer: Tracer, meter: Meter, attributes: Attributes): Telemetry['trace'] {
  const duration = meter.createHistogram('pawl.operation.duration', {
    unit: 's',
    description: 'Duration of operations.',
    advice: { explicitBucketBoundaries: BUCKETS },
  })

  async function run<T>({ operation, span }: Current, startedAt: number, work: () => Promise<T>): Promise<T> {
    const measured: Attributes = { ...attributes, 'pawl.operation': operation }
    try {
      return await work()
    } catch (error) {
      measured['error.type'] = describeFailure(span, error)
      throw error
    } finally {
      // Inside the span's context, so that the measurement can link to the span.
      duration.record((performance.now() - startedAt) / 1000, measured)
      span.end()
    }
  }

  return (operation, work) => {
    const startedAt = performance.now()
    const root = BACKGROUND[operation]
    const span = tracer.startSpan(`pawl.${operation}`, { kind: SpanKind.INTERNAL, root, attributes })
    const current: Current = { operation, span }
    const active = trace.setSpan(context.active(), span).setValue(CURRENT, current)
    return context.with(active, () => run(current, startedAt, work))
  }
}

/** Adds the session and the verdict to the spans, from the events of their operations. */
export function describeSpans(source: Pick<TelemetrySource, 'on'>): void {
  // Not from `ended`, because a login may end other sessions.
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

/** @returns the value of `error.type` */
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
