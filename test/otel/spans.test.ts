import { type Attributes, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, it } from 'vitest'
import { type Sessions, type SessionsOptions, type Store, StoreUnavailableError } from '../../src/index.ts'
import { memory } from '../../src/memory/index.ts'
import { openTelemetry } from '../../src/otel/index.ts'
import { postgres } from '../../src/postgres/index.ts'
import { createDatabase, createPool } from '../support/database.ts'
import { coded } from '../support/errors.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { aroundQueries } from '../support/pools.ts'
import { openSessions } from '../support/sessions.ts'
import { collectSpans, followContexts, type Spans } from './collect.ts'

followContexts()

interface Traced extends Spans {
  readonly sessions: Sessions
  /** Runs `work` in a span of the application. */
  within<T>(name: string, work: () => T): T
}

async function traced(options: Partial<SessionsOptions> = {}, attributes?: Attributes): Promise<Traced> {
  const spans = collectSpans()
  const telemetry = openTelemetry({
    tracerProvider: spans.provider,
    ...(attributes === undefined ? {} : { attributes }),
  })
  return {
    ...spans,
    sessions: await openSessions({ telemetry, ...options }),
    within: (name, work) => within(spans, name, work),
  }
}

function within<T>({ provider }: Spans, name: string, work: () => T): T {
  return provider.getTracer('app').startActiveSpan(name, (span: Span) => {
    const result = work()
    if (result instanceof Promise) return result.finally(() => span.end()) as T
    span.end()
    return result
  })
}

describe('an operation', () => {
  it('is an internal span that names the session and the verdict', async () => {
    const { sessions, ended } = await traced()
    const { session, refreshToken } = await sessions.create({ userId: 'u' })
    await sessions.refresh(refreshToken.value)
    expect(
      ended().map(({ name, kind, attributes, status, instrumentationScope }) => ({
        name,
        kind,
        attributes,
        status,
        scope: instrumentationScope.name,
      })),
    ).toStrictEqual([
      {
        name: 'pawl.create',
        kind: SpanKind.INTERNAL,
        attributes: { 'session.id': session.sessionId },
        status: { code: SpanStatusCode.UNSET },
        scope: 'pawl',
      },
      {
        name: 'pawl.refresh',
        kind: SpanKind.INTERNAL,
        attributes: { 'session.id': session.sessionId, 'pawl.verdict': 'current' },
        status: { code: SpanStatusCode.UNSET },
        scope: 'pawl',
      },
    ])
  })

  it('is a child of the span of its request', async () => {
    const { sessions, ended, within } = await traced()
    const { accessToken } = await within('POST /login', () => sessions.create({ userId: 'u' }))
    await within('GET /pay', () => sessions.check(accessToken.value))
    for (const [operation, request] of [
      ['pawl.create', 'POST /login'],
      ['pawl.check', 'GET /pay'],
    ]) {
      expect(ended(operation)[0]!.parentSpanContext).toStrictEqual(ended(request)[0]!.spanContext())
    }
  })

  it('names its own session when many operations run concurrently with inner spans', async () => {
    const spans = collectSpans()
    const base = memory()
    const read: Store['read'] = (id) => within(spans, 'inner', () => base.read(id))
    const telemetry = openTelemetry({ tracerProvider: spans.provider })
    const sessions = await openSessions({ store: { ...base, read }, telemetry })
    const created = await Promise.all(['u', 'v', 'w'].map((userId) => sessions.create({ userId })))
    await Promise.all(created.map(({ refreshToken }) => sessions.refresh(refreshToken.value)))
    const ids = created.map(({ session }) => session.sessionId).sort()
    const idsOn = (name: string): unknown[] =>
      spans
        .ended(name)
        .map(({ attributes }) => attributes['session.id'])
        .sort()
    expect(idsOn('pawl.create')).toStrictEqual(ids)
    expect(idsOn('pawl.refresh')).toStrictEqual(ids)
    expect(idsOn('inner')).toStrictEqual([undefined, undefined, undefined])
  })

  it('that ends other sessions names its own session', async () => {
    const { sessions, ended } = await traced({ limits: { sessionsPerUser: 1 } })
    await sessions.create({ userId: 'u' })
    const { session } = await sessions.create({ userId: 'u' })
    expect(ended('pawl.create')[1]!.attributes).toStrictEqual({ 'session.id': session.sessionId })
  })

  it('carries the attributes given to `openTelemetry`', async () => {
    const { sessions, ended } = await traced({}, { app: 'shop' })
    await sessions.prune()
    expect(ended('pawl.prune')[0]!.attributes).toStrictEqual({ app: 'shop' })
  })

  it('is the parent of the spans of the database', async () => {
    const spans = collectSpans()
    const pool = createPool(await createDatabase())
    const store = postgres({
      pool: aroundQueries(pool, (config, run) => within(spans, config.name ?? 'query', run)),
    })
    const telemetry = openTelemetry({ tracerProvider: spans.provider })
    const sessions = await openSessions({ store, telemetry })
    const { refreshToken } = await sessions.create({ userId: 'u' })
    const child = await sessions.refresh(refreshToken.value)
    sessions.verify(child.accessToken.value)
    await sessions.flush()
    for (const operation of ['pawl.create', 'pawl.refresh', 'pawl.confirm']) {
      const { spanId } = spans.ended(operation)[0]!.spanContext()
      expect(spans.ended().filter((span) => span.parentSpanContext?.spanId === spanId)).not.toHaveLength(0)
    }
  })
})

describe('background work', () => {
  it('has its own trace, not that of the request that started it', async () => {
    const { sessions, ended, within } = await traced()
    const { refreshToken } = await sessions.create({ userId: 'u' })
    const child = await sessions.refresh(refreshToken.value)
    await within('GET /me', async () => {
      sessions.verify(child.accessToken.value)
      await sessions.flush()
      await sessions.prune()
    })
    for (const name of ['pawl.confirm', 'pawl.prune']) {
      const [span] = ended(name)
      expect(span!.parentSpanContext).toBeUndefined()
      expect(span!.spanContext().traceId).not.toBe(ended('GET /me')[0]!.spanContext().traceId)
      expect(span!.attributes).toStrictEqual({})
    }
  })
})

describe('a failed operation', () => {
  it('that refused a client has an error type, and its span is no failure', async () => {
    const { sessions, ended } = await traced({
      limits: { refreshesPerMinute: 1 },
      now: createFakeClock().now,
    })
    const { session, accessToken, refreshToken } = await sessions.create({ userId: 'u' })
    await sessions.refresh(refreshToken.value)
    await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(coded('ERR_TRY_AGAIN') as Error)
    await sessions.setClaims(session.sessionId, { role: 'admin' })
    await expect(sessions.refresh('not a token')).rejects.toThrow(coded('ERR_REFRESH_TOKEN_INVALID') as Error)
    await sessions.revoke(session.sessionId)
    await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(coded('ERR_SESSION_ENDED') as Error)
    expect(() => sessions.verify(accessToken.value)).toThrow(coded('ERR_SESSION_ENDED') as Error)

    const about = { 'session.id': session.sessionId }
    const failed = ended('pawl.refresh').slice(1)
    expect(failed.map(({ attributes }) => attributes)).toStrictEqual([
      { 'error.type': 'ERR_TRY_AGAIN', ...about },
      { 'error.type': 'ERR_REFRESH_TOKEN_INVALID' },
      { 'error.type': 'ERR_SESSION_ENDED', ...about },
    ])
    for (const { status } of failed) expect(status).toStrictEqual({ code: SpanStatusCode.UNSET })
  })

  it('that detected reuse is no failure either: the service refused the client correctly', async () => {
    const clock = createFakeClock()
    const { sessions, ended } = await traced({ now: clock.now })
    const { session, refreshToken } = await sessions.create({ userId: 'u' })
    const holders = [await sessions.refresh(refreshToken.value), await sessions.refresh(refreshToken.value)]
    for (const { accessToken } of holders) {
      sessions.verify(accessToken.value)
      await sessions.flush()
    }
    clock.advance(900)
    const [mine, theirs] = [
      await sessions.refresh(holders[0]!.refreshToken!.value),
      await sessions.refresh(holders[1]!.refreshToken!.value),
    ]
    clock.advance(900)
    await sessions.refresh(theirs.refreshToken!.value)
    await expect(sessions.refresh(mine.refreshToken!.value)).rejects.toThrow(
      coded('ERR_REFRESH_TOKEN_REUSED') as Error,
    )
    const span = ended('pawl.refresh').at(-1)!
    expect(span.attributes).toStrictEqual({
      'error.type': 'ERR_REFRESH_TOKEN_REUSED',
      'session.id': session.sessionId,
    })
    expect(span.status).toStrictEqual({ code: SpanStatusCode.UNSET })
  })

  it('that could not reach the store is a failure', async () => {
    const read: Store['read'] = async () => {
      throw new StoreUnavailableError('PostgreSQL does not answer')
    }
    const { sessions, ended } = await traced({ store: { ...memory(), read } })
    const { refreshToken } = await sessions.create({ userId: 'u' })
    await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(
      coded('ERR_STORE_UNAVAILABLE') as Error,
    )
    const [span] = ended('pawl.refresh')
    expect(span!.status).toStrictEqual({ code: SpanStatusCode.ERROR, message: 'PostgreSQL does not answer' })
    expect(span!.attributes).toStrictEqual({ 'error.type': 'ERR_STORE_UNAVAILABLE' })
  })

  it.each([
    ['a mistake of the caller', new TypeError('no'), 'TypeError', 'no'],
    [
      'an error with a code of another library',
      Object.assign(new Error('no'), { code: '57P01' }),
      'Error',
      'no',
    ],
    ['a thrown string', 'a string', '_OTHER', undefined],
  ])('is typed for %s', async (_name, thrown, type, message) => {
    const { provider, ended } = collectSpans()
    const telemetry = openTelemetry({ tracerProvider: provider })
    const work = async (): Promise<never> => {
      throw thrown
    }
    await expect(telemetry.trace('create', work)).rejects.toBe(thrown)
    const [span] = ended('pawl.create')
    expect(span!.attributes).toStrictEqual({ 'error.type': type })
    expect(span!.status).toStrictEqual({
      code: SpanStatusCode.ERROR,
      ...(message === undefined ? {} : { message }),
    })
  })

  it('that threw synchronously ends its span', async () => {
    const { provider, ended } = collectSpans()
    const work = (): never => {
      throw new RangeError('at once')
    }
    await expect(openTelemetry({ tracerProvider: provider }).trace('check', work)).rejects.toThrow('at once')
    expect(ended('pawl.check')).toHaveLength(1)
  })
})

describe('without a tracer provider', () => {
  it('the span of the application stays active and gets no attributes from Pawl', async () => {
    const spans = collectSpans()
    const sessions = await openSessions({ telemetry: openTelemetry() })
    await within(spans, 'POST /login', async () => {
      const outer = trace.getActiveSpan()
      await sessions.create({ userId: 'u' })
      expect(trace.getActiveSpan()).toBe(outer)
    })
    expect(spans.ended('POST /login')[0]!.attributes).toStrictEqual({})
  })
})
