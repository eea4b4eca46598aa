import type { Attributes, BatchObservableCallback, Meter } from '@opentelemetry/api'
import type { TelemetrySource } from '../core/observability/telemetry.ts'

/** Observes the state of this process whenever metrics are collected. @returns a function that stops it */
export function observeStats(
  source: Pick<TelemetrySource, 'stats'>,
  meter: Meter,
  attributes: Attributes,
): () => void {
  const staleness = meter.createObservableGauge('pawl.feed.staleness', {
    unit: 's',
    description: 'Age of the list of revocations in this process.',
  })
  const listening = meter.createObservableGauge('pawl.feed.listening', {
    unit: '1',
    description: 'Whether LISTEN delivers revocations (1) or the process polls for them (0).',
  })
  const entries = meter.createObservableUpDownCounter('pawl.feed.entry.count', {
    unit: '{entry}',
    description: 'Recently ended or changed sessions held in memory.',
  })
  const memory = meter.createObservableUpDownCounter('pawl.feed.memory.usage', {
    unit: 'By',
    description: 'Memory used by recently ended or changed sessions.',
  })
  const foreign = meter.createObservableCounter('pawl.feed.foreign', {
    unit: '{message}',
    description: 'Messages of other programs on the NOTIFY channel.',
  })
  const queued = meter.createObservableUpDownCounter('pawl.confirmation.queue.size', {
    unit: '{confirmation}',
    description: 'Confirmations waiting to be written.',
  })
  const gauges = [staleness, listening, entries, memory, foreign, queued]
  const read: BatchObservableCallback = (result) => {
    const stats = source.stats()
    if (stats === null) return
    const { feed, confirmations } = stats
    result.observe(queued, confirmations.queued, attributes)
    result.observe(entries, feed.entries, attributes)
    result.observe(memory, feed.bytes, attributes)
    if (feed.staleness === null) return
    result.observe(staleness, feed.staleness, attributes)
    result.observe(listening, feed.listening ? 1 : 0, attributes)
    result.observe(foreign, feed.foreign, attributes)
  }
  meter.addBatchObservableCallback(read, gauges)
  return () => meter.removeBatchObservableCallback(read, gauges)
}
