import { DataPointType, type MetricData } from '@opentelemetry/sdk-metrics'
import { describe, expect, it } from 'vitest'
import { createEvents } from '../../src/core/observability/events.ts'
import type { EventName, SessionEvents } from '../../src/core/observability/session-events.ts'
import type { SessionsStats, Telemetry } from '../../src/core/observability/telemetry.ts'
import { openTelemetry } from '../../src/otel/index.ts'
import { coded } from '../support/errors.ts'
import { openSessions, openWithClock } from '../support/sessions.ts'
import { collectMetrics, type Metrics, pointsOf } from './collect.ts'

interface Measured extends Metrics {
  readonly telemetry: Telemetry
}

function measured(): Measured {
  const metrics = collectMetrics()
  return { ...metrics, telemetry: openTelemetry({ meterProvider: metrics.provider }) }
}

/** The values of a metric by its only attribute. */
function byAttribute(metric: MetricData | undefined, attribute: string): Record<string, number> {
  return Object.fromEntries(
    pointsOf(metric).map(({ value, attributes }) => [String(attributes[attribute]), value]),
  )
}

const BUSY: SessionsStats = {
  feed: { mode: 'feed', listening: true, staleness: 1.5, entries: 7, bytes: 4096, foreign: 3 },
  confirmations: { queued: 5 },
}

/** One of each event. A new event does not compile until it is listed here. */
const EVENTS: { readonly [Name in EventName]: SessionEvents[Name] } = {
  started: { revocation: 'feed', accessTokenLifetime: 1, idleTimeout: 1, absoluteTimeout: null },
  created: { sessionId: 'an id', userId: 'a user', ip: '192.0.2.1', userAgent: 'Browser' },
  actingStarted: {
    sessionId: 'an id',
    userId: 'a user',
    actor: { userId: 'an admin', sessionId: 'another id' },
    expiresAt: new Date(0),
    ip: '192.0.2.1',
    userAgent: 'Browser',
  },
  cookiesLarge: { bytes: 4000, limit: 3072 },
  actingStopped: {
    sessionId: 'an id',
    userId: 'a user',
    actor: { userId: 'an admin', sessionId: 'another id' },
    ip: '192.0.2.1',
    userAgent: 'Browser',
  },
  refreshed: { sessionId: 'an id', userId: 'a user', verdict: 'late' },
  rotated: { sessionId: 'an id', userId: 'a user', generation: 4, reason: 'use' },
  rolledBack: { sessionId: 'an id', userId: 'a user', from: 1, to: 4 },
  reused: { sessionId: 'an id', userId: 'a user', ip: '192.0.2.1', userAgent: 'Browser' },
  deviceBound: {
    sessionId: 'an id',
    userId: 'a user',
    kind: 'dbsc',
    thumbprint: 'a thumbprint',
    ip: '192.0.2.1',
    userAgent: 'Browser',
  },
  deviceProofMissing: { sessionId: 'an id', userId: 'a user', ip: '192.0.2.1', userAgent: 'Browser' },
  deviceMismatch: { sessionId: 'an id', userId: 'a user', ip: '192.0.2.1', userAgent: 'Browser' },
  ended: { sessionId: 'an id', userId: 'a user', reason: 'limit' },
  consoleAction: {
    action: 'end-user',
    actor: 'an admin',
    sessionId: null,
    userId: 'a user',
    sessions: 3,
  },
  contextChanged: {
    sessionId: 'an id',
    userId: 'a user',
    from: { ip: '192.0.2.1', userAgent: 'Browser' },
    to: { ip: '192.0.2.2', userAgent: 'Browser' },
  },
  schemaMismatch: { sessionId: 'an id', userId: 'a user', path: 'claims.tenant' },
  claimsRefreshFailed: { sessionId: 'an id', userId: 'a user', error: new Error('a detail') },
  refreshLimited: { sessionId: 'an id', reason: 'allowRefresh' },
  sessionLimited: { userId: 'a user' },
  confirmationsDropped: { count: 500, reason: 'store' },
  secretUnknown: {},
  rowsHidden: { reason: 'unused-table' },
  keysRotated: { epoch: 2, kid: 'a kid', signsFrom: new Date(0) },
  keyTrouble: { epoch: 2, error: new Error('a detail') },
  clockSkew: { milliseconds: 9000 },
  storeUnavailable: { operation: 'poll', error: new Error('a detail') },
  backgroundFailed: { operation: 'clock', error: new Error('a detail') },
  feedListening: {},
  feedPolling: { error: new Error('a detail') },
  feedStale: { seconds: 61 },
  feedCaughtUp: { seconds: 90 },
  feedOverflowed: { dropped: 1000, refreshBefore: new Date(0) },
  feedForeign: { total: 3 },
  pruned: { sessions: 12, keys: 2 },
}

describe('metrics', () => {
  it('count the events of sessions', async () => {
    const { telemetry, collect } = measured()
    const { sessions, clock } = await openWithClock({ telemetry })
    const { session, refreshToken } = await sessions.create({ userId: 'u' })
    await sessions.create({ userId: 'v' })
    const child = await sessions.refresh(refreshToken.value)
    sessions.verify(child.accessToken.value)
    await sessions.flush()
    await sessions.refresh(refreshToken.value)
    clock.advance(900)
    await sessions.refresh(child.refreshToken!.value)
    await sessions.revoke(session.sessionId, 'logout')
    await sessions.revokeUser('v')

    const metrics = await collect()
    expect(pointsOf(metrics.get('pawl.session.created'))).toStrictEqual([{ value: 2, attributes: {} }])
    expect(byAttribute(metrics.get('pawl.session.refreshed'), 'pawl.verdict')).toStrictEqual({
      current: 2,
      late: 1,
    })
    expect(byAttribute(metrics.get('pawl.session.rotated'), 'pawl.reason')).toStrictEqual({ use: 1 })
    expect(byAttribute(metrics.get('pawl.session.ended'), 'pawl.end_reason')).toStrictEqual({
      logout: 1,
      revoked: 1,
    })
    expect(pointsOf(metrics.get('pawl.key.rotated'))).toStrictEqual([{ value: 1, attributes: {} }])
    expect(pointsOf(metrics.get('pawl.session.reused'))).toStrictEqual([{ value: 0, attributes: {} }])
  })

  it('have the documented names, units and attributes, without ids, addresses or details', async () => {
    const { telemetry, collect } = measured()
    const events = createEvents()
    telemetry.observe({ on: events.on, stats: () => BUSY })
    await telemetry.trace('poll', async () => {})
    const emit = <Name extends EventName>(name: Name): void => events.emit(name, EVENTS[name])
    for (const name of Object.keys(EVENTS) as EventName[]) emit(name)

    const metrics = [...(await collect()).values()]
    const table = metrics.map((metric) => [
      metric.descriptor.name,
      metric.dataPointType === DataPointType.GAUGE
        ? 'gauge'
        : metric.dataPointType === DataPointType.SUM
          ? metric.isMonotonic
            ? 'counter'
            : 'up-down counter'
          : 'histogram',
      metric.descriptor.unit,
      ...pointsOf(metric).map(({ value, attributes }) => [value, attributes]),
    ])
    expect(table.sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))).toStrictEqual([
      ['pawl.acting.started', 'counter', '{session}', [1, {}]],
      ['pawl.background.failures', 'counter', '{failure}', [1, { 'pawl.operation': 'clock' }]],
      ['pawl.confirmation.dropped', 'counter', '{confirmation}', [500, { 'pawl.reason': 'store' }]],
      ['pawl.confirmation.queue.size', 'up-down counter', '{confirmation}', [5, {}]],
      ['pawl.console.actions', 'counter', '{action}', [1, { 'pawl.action': 'end-user' }]],
      ['pawl.device.bound', 'counter', '{session}', [1, { 'pawl.device_kind': 'dbsc' }]],
      ['pawl.device.mismatch', 'counter', '{refresh}', [1, {}]],
      ['pawl.device.proof_missing', 'counter', '{refresh}', [1, {}]],
      ['pawl.feed.entry.count', 'up-down counter', '{entry}', [7, {}]],
      ['pawl.feed.foreign', 'counter', '{message}', [3, {}]],
      ['pawl.feed.listening', 'gauge', '1', [1, {}]],
      ['pawl.feed.memory.usage', 'up-down counter', 'By', [4096, {}]],
      ['pawl.feed.overflowed', 'counter', '{overflow}', [1, {}]],
      ['pawl.feed.staleness', 'gauge', 's', [1.5, {}]],
      ['pawl.key.failures', 'counter', '{failure}', [1, {}]],
      ['pawl.key.pruned', 'counter', '{key}', [2, {}]],
      ['pawl.key.rotated', 'counter', '{key}', [1, {}]],
      ['pawl.operation.duration', 'histogram', 's', [1, { 'pawl.operation': 'poll' }]],
      ['pawl.refresh.claims_failed', 'counter', '{refresh}', [1, {}]],
      ['pawl.refresh.limited', 'counter', '{refresh}', [1, { 'pawl.reason': 'allowRefresh' }]],
      ['pawl.refresh.schema_mismatch', 'counter', '{refresh}', [1, {}]],
      ['pawl.rows.hidden', 'counter', '{token}', [1, { 'pawl.reason': 'unused-table' }]],
      ['pawl.secret.unknown', 'counter', '{token}', [1, {}]],
      ['pawl.session.context_changed', 'counter', '{session}', [1, {}]],
      ['pawl.session.created', 'counter', '{session}', [1, {}]],
      ['pawl.session.ended', 'counter', '{session}', [1, { 'pawl.end_reason': 'limit' }]],
      ['pawl.session.limited', 'counter', '{session}', [1, {}]],
      ['pawl.session.pruned', 'counter', '{session}', [12, {}]],
      ['pawl.session.refreshed', 'counter', '{refresh}', [1, { 'pawl.verdict': 'late' }]],
      ['pawl.session.reused', 'counter', '{session}', [1, {}]],
      ['pawl.session.rolled_back', 'counter', '{session}', [1, {}]],
      ['pawl.session.rotated', 'counter', '{turn}', [1, { 'pawl.reason': 'use' }]],
      ['pawl.store.unavailable', 'counter', '{failure}', [1, { 'pawl.operation': 'poll' }]],
    ])
    for (const { descriptor } of metrics) expect(descriptor.description).toMatch(/^[A-Z].*\.$/)
  })

  it('report the memory for revocations and the staleness of the feed', async () => {
    const { telemetry, collect } = measured()
    const { sessions, clock } = await openWithClock({ telemetry })
    const { session } = await sessions.create({ userId: 'u' })
    await sessions.revoke(session.sessionId)
    clock.advance(3)
    const metrics = await collect()
    expect(pointsOf(metrics.get('pawl.feed.staleness'))).toStrictEqual([{ value: 3, attributes: {} }])
    expect(pointsOf(metrics.get('pawl.feed.entry.count'))).toStrictEqual([{ value: 1, attributes: {} }])
    expect(pointsOf(metrics.get('pawl.feed.memory.usage'))[0]!.value).toBe(sessions.stats().feed.bytes)
    expect(pointsOf(metrics.get('pawl.confirmation.queue.size'))[0]!.value).toBe(0)
  })

  it('have no gauges of the feed with `mode: expiry`', async () => {
    const { telemetry, collect } = measured()
    await openSessions({ telemetry, revocation: { mode: 'expiry' } })
    const metrics = await collect()
    expect(pointsOf(metrics.get('pawl.feed.staleness'))).toStrictEqual([])
    expect(pointsOf(metrics.get('pawl.feed.listening'))).toStrictEqual([])
    expect(pointsOf(metrics.get('pawl.confirmation.queue.size'))).toHaveLength(1)
  })

  it('have no gauges until the sessions have started', async () => {
    const { telemetry, collect } = measured()
    telemetry.observe({ on: createEvents().on, stats: () => null })
    const metrics = await collect()
    expect(pointsOf(metrics.get('pawl.feed.entry.count'))).toStrictEqual([])
    expect(pointsOf(metrics.get('pawl.session.created'))).toStrictEqual([{ value: 0, attributes: {} }])
  })

  it('of several `createSessions` differ by their attributes', async () => {
    const { provider, collect } = collectMetrics()
    for (const app of ['shop', 'admin']) {
      const telemetry = openTelemetry({ meterProvider: provider, attributes: { app } })
      const sessions = await openSessions({ telemetry })
      if (app === 'shop') await sessions.create({ userId: 'u' })
    }
    const metrics = await collect()
    expect(byAttribute(metrics.get('pawl.session.created'), 'app')).toStrictEqual({ shop: 1, admin: 0 })
    expect(byAttribute(metrics.get('pawl.feed.entry.count'), 'app')).toStrictEqual({ shop: 0, admin: 0 })
    expect(pointsOf(metrics.get('pawl.operation.duration'))).toStrictEqual([
      { value: 1, attributes: { app: 'shop', 'pawl.operation': 'create' } },
    ])
  })
})

describe('the duration of an operation', () => {
  it('is in seconds, with buckets from 0.5 ms to 10 s', async () => {
    const { telemetry, collect } = measured()
    const sessions = await openSessions({ telemetry })
    await sessions.create({ userId: 'u' })
    const metric = (await collect()).get('pawl.operation.duration')!
    expect(metric.descriptor.unit).toBe('s')
    if (metric.dataPointType !== DataPointType.HISTOGRAM) throw new Error('not a histogram')
    const [{ value }] = metric.dataPoints as [(typeof metric.dataPoints)[0]]
    expect(value.buckets.boundaries).toStrictEqual([
      0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ])
    expect(value.count).toBe(1)
    expect(value.sum).toBeGreaterThan(0)
    expect(value.sum).toBeLessThan(30)
  })

  it('is recorded by operation and error type', async () => {
    const { telemetry, collect } = measured()
    const sessions = await openSessions({ telemetry })
    const { session, accessToken, refreshToken } = await sessions.create({ userId: 'u' })
    await sessions.check(accessToken.value)
    const child = await sessions.refresh(refreshToken.value)
    sessions.verify(child.accessToken.value)
    await sessions.flush()
    await sessions.prune()
    await sessions.revoke(session.sessionId)
    await expect(sessions.refresh(refreshToken.value)).rejects.toThrow(coded('ERR_SESSION_ENDED') as Error)
    await expect(sessions.refresh('not a token')).rejects.toThrow(coded('ERR_REFRESH_TOKEN_INVALID') as Error)
    await expect(sessions.create({ userId: '' })).rejects.toThrow(TypeError)

    const points = pointsOf((await collect()).get('pawl.operation.duration'))
    const counts = points.map(({ value, attributes }) => [
      attributes['pawl.operation'],
      attributes['error.type'] ?? 'none',
      value,
    ])
    expect(counts.sort()).toStrictEqual([
      ['check', 'none', 1],
      ['confirm', 'none', 1],
      ['create', 'TypeError', 1],
      ['create', 'none', 1],
      ['prune', 'none', 1],
      ['refresh', 'ERR_REFRESH_TOKEN_INVALID', 1],
      ['refresh', 'ERR_SESSION_ENDED', 1],
      ['refresh', 'none', 1],
    ])
  })
})
