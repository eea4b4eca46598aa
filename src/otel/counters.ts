import type { Attributes, Meter } from '@opentelemetry/api'
import type { EventName, SessionEvents } from '../core/observability/session-events.ts'
import type { TelemetrySource } from '../core/observability/telemetry.ts'

interface Count<Event> {
  readonly metric: string
  /** UCUM: what is counted, in braces. */
  readonly unit: string
  readonly description: string
  /** @defaultValue 1 */
  readonly by?: (event: Event) => number
  /** Of few values each: no ids, no addresses. @defaultValue none */
  readonly attributes?: (event: Event) => Attributes
}

/** What each event counts as. Those of the feed's state have gauges instead. */
const COUNTS: { readonly [Name in EventName]: readonly Count<SessionEvents[Name]>[] } = {
  started: [],
  created: [{ metric: 'pawl.session.created', unit: '{session}', description: 'Sessions created.' }],
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
      description: 'Turns: sessions that moved to a new generation.',
      attributes: ({ reason }) => ({ 'pawl.reason': reason }),
    },
  ],
  rolledBack: [
    {
      metric: 'pawl.session.rolled_back',
      unit: '{session}',
      description: 'Sessions caught up after the database had gone back.',
    },
  ],
  reused: [
    {
      metric: 'pawl.session.reused',
      unit: '{session}',
      description: 'Sessions in which reuse of a refresh token was detected.',
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
  contextChanged: [
    {
      metric: 'pawl.session.context_changed',
      unit: '{session}',
      description: 'Sessions that came from another address or user agent than before.',
    },
  ],
  refreshLimited: [
    {
      metric: 'pawl.refresh.limited',
      unit: '{refresh}',
      description: 'Refreshes put off.',
      attributes: ({ reason }) => ({ 'pawl.reason': reason }),
    },
  ],
  sessionLimited: [
    {
      metric: 'pawl.session.limited',
      unit: '{session}',
      description: 'Logins refused because the user had too many sessions.',
    },
  ],
  confirmationsDropped: [
    {
      metric: 'pawl.confirmation.dropped',
      unit: '{confirmation}',
      description: 'Confirmations dropped.',
      by: ({ count }) => count,
      attributes: ({ reason }) => ({ 'pawl.reason': reason }),
    },
  ],
  secretUnknown: [
    {
      metric: 'pawl.secret.unknown',
      unit: '{token}',
      description: 'Refresh tokens made with a secret this process does not have.',
    },
  ],
  keysRotated: [{ metric: 'pawl.key.rotated', unit: '{key}', description: 'Signing keys published.' }],
  keyTrouble: [
    {
      metric: 'pawl.key.failures',
      unit: '{failure}',
      description: 'Signing keys that could not be used or made.',
    },
  ],
  clockSkew: [],
  storeUnavailable: [
    {
      metric: 'pawl.store.unavailable',
      unit: '{failure}',
      description: 'Background work that could not reach the store.',
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
      description: 'Times there were more revocations than fit into memory.',
    },
  ],
  feedForeign: [],
  pruned: [
    {
      metric: 'pawl.session.pruned',
      unit: '{session}',
      description: 'Rows of sessions deleted.',
      by: ({ sessions }) => sessions,
    },
    {
      metric: 'pawl.key.pruned',
      unit: '{key}',
      description: 'Rows of signing keys deleted.',
      by: ({ keys }) => keys,
    },
  ],
}

/** One counter or more per event. Counts start at zero where there is nothing to tell apart, so that the first one is a rise. */
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
