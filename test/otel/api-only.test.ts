import { metrics, trace } from '@opentelemetry/api'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openTelemetry } from '../../src/otel/index.ts'
import { coded } from '../support/errors.ts'
import { openSessions } from '../support/sessions.ts'
import { collectMetrics, collectSpans, pointsOf } from './collect.ts'

describe('`openTelemetry()`', () => {
  it('records nothing and changes nothing without an SDK', async () => {
    const sessions = await openSessions({ telemetry: openTelemetry() })
    const { session, accessToken, refreshToken } = await sessions.create({ userId: 'u' })
    const child = await sessions.refresh(refreshToken.value)
    sessions.verify(child.accessToken.value)
    await sessions.flush()
    expect((await sessions.check(accessToken.value)).sessionId).toBe(session.sessionId)
    await sessions.revoke(session.sessionId)
    await expect(sessions.refresh(child.refreshToken!.value)).rejects.toThrow(
      coded('ERR_SESSION_ENDED') as Error,
    )
    expect(await sessions.prune()).toBe(0)
  })

  it('uses the providers that are registered with the API', async () => {
    const measured = collectMetrics()
    const spans = collectSpans()
    metrics.setGlobalMeterProvider(measured.provider)
    onTestFinished(() => metrics.disable())
    const telemetry = openTelemetry()
    // A tracer provider may be registered later.
    trace.setGlobalTracerProvider(spans.provider)
    onTestFinished(() => trace.disable())
    const sessions = await openSessions({ telemetry })
    await sessions.create({ userId: 'u' })
    expect(spans.ended().map(({ name }) => name)).toStrictEqual(['pawl.create'])
    const created = (await measured.collect()).get('pawl.session.created')
    expect(pointsOf(created)).toStrictEqual([{ value: 1, attributes: {} }])
  })
})
