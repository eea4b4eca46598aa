import type { Attributes, BatchObservableCallback, Meter } from '@opentelemetry/api'
import type { TelemetrySource } from '../core/observability/telemetry.ts'

/** The numbers of this process, read when metrics are collected. @returns a function that ends that */
export function observeStats(
  source: Pick<TelemetrySource, 'stats'>,
  meter: Meter,
  attributes: Attributes,
): () => void {
  const staleness = meter.createObservableGauge('pawl.feed.staleness', {
    unit: 's',
    description: 'Time since this process last knew of every revocation.',
  })
  const listening = meter.createObservableGauge('pawl.feed.listening', {
    unit: '1',
    description: 'Whether LISTEN delivers revocations: 1, or 0 where they arrive by polling.',
  })
  const entries = meter.createObservableUpDownCounter('pawl.feed.entry.count', {
    unit: '{entry}',
    description: 'Sessions that ended or changed lately, held in memory.',
  })
  const memory = meter.createObservableUpDownCounter('pawl.feed.memory.usage', {
    unit: 'By',
    description: 'Memory they take.',
  })
  const foreign = meter.createObservableCounter('pawl.feed.foreign', {
    unit: '{message}',
    description: "Messages on the NOTIFY channel that were not Pawl's.",
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
