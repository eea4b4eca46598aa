import type { Attributes, Meter } from '@opentelemetry/api'
import type { EventName, SessionEvents } from '../core/observability/session-events.ts'
import type { TelemetrySource } from '../core/observability/telemetry.ts'

interface Count<Event> {
  readonly metric: string
  /** UCUM annotation: the counted thing in braces. */
  readonly unit: string
  readonly description: string
  /** @defaultValue 1 */
  readonly by?: (event: Event) => number
  /** Low cardinality: no ids and no addresses. @defaultValue none */
  readonly attributes?: (event: Event) => Attributes
}

/** The counters of each event. Gauges report the state of the feed. */
const COUNTS: { readonly [Name in EventName]: readonly Count<SessionEvents[Name]>[] } = {
  started: [],
  created: [{ metric: 'pawl.session.created', unit: '{session}', description: 'Sessions created.' }],
  actingStarted: [
    {
      metric: 'pawl.acting.started',
      unit: '{session}',
      description: 'Sessions in which an administrator acts as a user.',
    },
  ],
  actingStopped: [],
  cookiesLarge: [],
  refreshed: [
    {
      metric: 'pawl.session.refreshed',
      unit: '{refresh}',
      description: 'Refreshes answered, by verdict.',
      attributes: ({ verdict }) => ({ 'pawl.verdict': verdict }),
    },
  ],
  rotated: [
    {
      metric: 'pawl.session.rotated',
      unit: '{turn}',
      description: 'Turns: sessions that advanced one generation.',
      attributes: ({ reason }) => ({ 'pawl.reason': reason }),
    },
  ],
  rolledBack: [
    {
      metric: 'pawl.session.rolled_back',
      unit: '{session}',
      description: 'Sessions whose row was brought up to date after a database rollback.',
    },
  ],
  reused: [
    {
      metric: 'pawl.session.reused',
      unit: '{session}',
      description: 'Sessions with detected reuse of a refresh token.',
    },
  ],
  deviceBound: [
    {
      metric: 'pawl.device.bound',
      unit: '{session}',
      description: 'Sessions bound to a device, by kind.',
      attributes: ({ kind }) => ({ 'pawl.device_kind': kind }),
    },
  ],
  deviceProofMissing: [
    {
      metric: 'pawl.device.proof_missing',
      unit: '{refresh}',
      description: 'Refreshes of bound sessions refused for want of a proof.',
    },
  ],
  deviceMismatch: [
    {
      metric: 'pawl.device.mismatch',
      unit: '{refresh}',
      description: 'Refreshes of bound sessions refused for a proof by another key.',
    },
  ],
  ended: [
    {
      metric: 'pawl.session.ended',
      unit: '{session}',
      description: 'Sessions ended by this process, by reason.',
      attributes: ({ reason }) => ({ 'pawl.end_reason': reason }),
    },
  ],
  consoleAction: [
    {
      metric: 'pawl.console.actions',
      unit: '{action}',
      description: 'Actions of administrators by the console.',
      attributes: ({ action }) => ({ 'pawl.action': action }),
    },
  ],
  contextChanged: [
    {
      metric: 'pawl.session.context_changed',
      unit: '{session}',
      description: 'Sessions used from a new address or user agent.',
    },
  ],
  schemaMismatch: [
    {
      metric: 'pawl.refresh.schema_mismatch',
      unit: '{refresh}',
      description: 'Refreshes that met claims or data which their schema refuses.',
    },
  ],
  claimsRefreshFailed: [
    {
      metric: 'pawl.refresh.claims_failed',
      unit: '{refresh}',
      description: 'Refreshes and logins whose claims could not be computed.',
    },
  ],
  refreshLimited: [
    {
      metric: 'pawl.refresh.limited',
      unit: '{refresh}',
      description: 'Refreshes answered "try again".',
      attributes: ({ reason }) => ({ 'pawl.reason': reason }),
    },
  ],
  sessionLimited: [
    {
      metric: 'pawl.session.limited',
      unit: '{session}',
      description: 'Logins refused because of the session limit.',
    },
  ],
  confirmationsDropped: [
    {
      metric: 'pawl.confirmation.dropped',
      unit: '{confirmation}',
      description: 'Confirmations dropped before they were written.',
      by: ({ count }) => count,
      attributes: ({ reason }) => ({ 'pawl.reason': reason }),
    },
  ],
  secretUnknown: [
    {
      metric: 'pawl.secret.unknown',
      unit: '{token}',
      description: 'Refresh tokens of an unknown secret.',
    },
  ],
  rowsHidden: [
    {
      metric: 'pawl.rows.hidden',
      unit: '{token}',
      description: 'Genuine tokens without a visible row.',
      attributes: ({ reason }) => ({ 'pawl.reason': reason }),
    },
  ],
  keysRotated: [{ metric: 'pawl.key.rotated', unit: '{key}', description: 'Signing keys published.' }],
  keyTrouble: [
    {
      metric: 'pawl.key.failures',
      unit: '{failure}',
      description: 'Failures to create or use a signing key.',
    },
  ],
  clockSkew: [],
  storeUnavailable: [
    {
      metric: 'pawl.store.unavailable',
      unit: '{failure}',
      description: 'Background operations that could not reach the store.',
      attributes: ({ operation }) => ({ 'pawl.operation': operation }),
    },
  ],
  backgroundFailed: [
    {
      metric: 'pawl.background.failures',
      unit: '{failure}',
      description: 'Background operations that failed by a bug.',
      attributes: ({ operation }) => ({ 'pawl.operation': operation }),
    },
  ],
  feedListening: [],
  feedPolling: [],
  feedStale: [],
  feedCaughtUp: [],
  feedOverflowed: [
    {
      metric: 'pawl.feed.overflowed',
      unit: '{overflow}',
      description: 'Overflows of the memory for revocations.',
    },
  ],
  feedForeign: [],
  pruned: [
    {
      metric: 'pawl.session.pruned',
      unit: '{session}',
      description: 'Deleted rows of sessions.',
      by: ({ sessions }) => sessions,
    },
    {
      metric: 'pawl.key.pruned',
      unit: '{key}',
      description: 'Deleted rows of signing keys.',
      by: ({ keys }) => keys,
    },
  ],
}

/** Counts events. A counter without attributes starts at zero, so that a rate includes its first event. */
export function countEvents(source: Pick<TelemetrySource, 'on'>, meter: Meter, attributes: Attributes): void {
  const count = <Name extends EventName>(name: Name): void => {
    const counts: readonly Count<SessionEvents[Name]>[] = COUNTS[name]
    for (const { metric, unit, description, by, attributes: attributesOf } of counts) {
      const counter = meter.createCounter(metric, { unit, description })
      if (attributesOf === undefined) counter.add(0, attributes)
      source.on(name, (event) =>
        counter.add(
          by === undefined ? 1 : by(event),
          attributesOf === undefined ? attributes : { ...attributes, ...attributesOf(event) },
        ),
      )
    }
  }
  for (const name of Object.keys(COUNTS) as EventName[]) count(name)
}
