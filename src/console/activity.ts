import type { Engine } from '../core/engine.ts'
import { ENTRIES } from '../core/observability/logger.ts'
import type { EventName, SessionEvents } from '../core/observability/session-events.ts'
import type { Actor } from '../portable/actor.ts'
import { perEngine } from './per-engine.ts'

/** What the console counts. */
export const COUNTED = ['refreshed', 'created', 'ended', 'reused'] as const

export type Counted = (typeof COUNTED)[number]

/** An event of this process. */
export interface RecentEvent {
  readonly at: number
  readonly name: EventName
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly sessionId: string | null
  readonly userId: string | null
  readonly event: Readonly<Record<string, unknown>>
  /** How many of the same name came one after another without a session. */
  readonly times: number
}

/** What this process has done since the console was made. It needs no database. */
export interface Activity {
  /** When counting began, in ms. */
  readonly since: number
  /** Events within the last 60 seconds. */
  lastMinute(now: number): Record<Counted, number>
  /** Events in each of the last 30 minutes, the present one last. */
  minutes(now: number, name: Counted): number[]
  /** Events that somebody may want to know of, the newest first. */
  notable(): readonly RecentEvent[]
  /** What the row of a session does not tell, the newest first. */
  ofSession(sessionId: string): readonly RecentEvent[]
  /** Actions of the console on the sessions of a user, the newest first. */
  actionsOn(userId: string): readonly RecentEvent[]
}

/** Milliseconds of a slot, the smallest time that is counted apart. */
const SLOT = 5000
const SLOTS_PER_MINUTE = 60_000 / SLOT
export const MINUTES = 30
const SLOTS = MINUTES * SLOTS_PER_MINUTE
const MAX_NOTABLE = 200
const MAX_OF_SESSIONS = 1000
/** Actions have a list of their own: without a listener, the console is the only one that shows them. */
const MAX_ACTIONS = 300

/** Everyday life of sessions, which would push out all others. */
const EVERYDAY: readonly EventName[] = [
  'started',
  'created',
  'refreshed',
  'rotated',
  'ended',
  'contextChanged',
  'deviceBound',
]
/** Known from the row of the session. */
const IN_ROW: readonly EventName[] = ['created', 'refreshed', 'rotated', 'ended']

/** Counts from the first call on. One for all consoles of the same sessions. */
export const activityOf: (engine: Engine) => Activity = perEngine(watch)

function watch({ events, clock, erasureListeners }: Engine): Activity {
  const slots = Array.from({ length: SLOTS }, () => ({ slot: -1, counts: zero() }))
  const notable: RecentEvent[] = []
  const ofSessions: RecentEvent[] = []
  const actions: RecentEvent[] = []

  for (const name of COUNTED)
    events.on(name, () => {
      const slot = Math.floor(clock.now() / SLOT)
      const place = slots[slot % SLOTS]!
      if (place.slot !== slot) Object.assign(place, { slot, counts: zero() })
      place.counts[name]++
    })
  for (const name of Object.keys(ENTRIES) as EventName[]) {
    const [isNotable, isOfSession] = [!EVERYDAY.includes(name), !IN_ROW.includes(name)]
    if (!isNotable && !isOfSession) continue
    events.on(name, (event) => {
      const entry = entryOf(name, event)
      if (name === 'consoleAction') return remember(actions, MAX_ACTIONS, entry)
      if (isNotable) remember(notable, MAX_NOTABLE, entry)
      if (isOfSession && (entry.sessionId ?? entry.userId) !== null)
        remember(ofSessions, MAX_OF_SESSIONS, entry)
    })
  }

  erasureListeners.add((userId) => {
    // Some events name a session without its user.
    const lists = [notable, ofSessions, actions]
    const sessionIds = new Set(lists.flat().flatMap((entry) => sessionsOf(userId, entry)))
    for (const list of lists)
      list.splice(0, list.length, ...list.filter((entry) => !concerns(entry, userId, sessionIds)))
  })

  function entryOf(name: EventName, event: SessionEvents[EventName]): RecentEvent {
    const { sessionId = null, userId = null } = event as { sessionId?: string; userId?: string }
    const { level, message } = ENTRIES[name]
    const fields = event as Record<string, unknown>
    return { at: clock.now(), name, level, message, sessionId, userId, event: fields, times: 1 }
  }

  function remember(list: RecentEvent[], max: number, entry: RecentEvent): void {
    const [last] = list
    // An outage repeats itself. Each action has its own actor.
    const isRepeated =
      last?.name === entry.name && list !== actions && entry.sessionId === null && entry.userId === null
    if (isRepeated) list.shift()
    list.unshift(isRepeated ? { ...entry, times: last.times + 1 } : entry)
    list.length = Math.min(list.length, max)
  }

  /** The sum of `length` slots before and including `end`. */
  function sum(end: number, length: number, name: Counted): number {
    let total = 0
    for (let slot = end - length + 1; slot <= end; slot++) {
      const place = slots[((slot % SLOTS) + SLOTS) % SLOTS]!
      if (place.slot === slot) total += place.counts[name]
    }
    return total
  }

  return {
    since: clock.now(),
    lastMinute(now) {
      const end = Math.floor(now / SLOT)
      return Object.fromEntries(COUNTED.map((name) => [name, sum(end, SLOTS_PER_MINUTE, name)])) as Record<
        Counted,
        number
      >
    },
    minutes(now, name) {
      const end = Math.floor(now / SLOT)
      return Array.from({ length: MINUTES }, (_, index) =>
        sum(end - (MINUTES - 1 - index) * SLOTS_PER_MINUTE, SLOTS_PER_MINUTE, name),
      )
    },
    notable: () => newestFirst([...actions, ...notable]),
    ofSession: (sessionId) =>
      newestFirst([...actions, ...ofSessions].filter((entry) => entry.sessionId === sessionId)),
    actionsOn: (userId) => actions.filter((entry) => entry.userId === userId),
  }
}

/** The events of an action come before the action. */
function newestFirst(entries: readonly RecentEvent[]): RecentEvent[] {
  return entries.toSorted((a, b) => b.at - a.at)
}

/** Whether an event names a user, also as the one who acted, or one of these sessions. */
function concerns(entry: RecentEvent, userId: string, sessionIds: ReadonlySet<string>): boolean {
  const { sessionId } = entry
  if (sessionId !== null && sessionIds.has(sessionId)) return true
  return entry.userId === userId || actorOf(entry).userId === userId
}

/** The sessions of a user that an event names. */
function sessionsOf(userId: string, entry: RecentEvent): string[] {
  const named = [entry, actorOf(entry)].filter((one) => one.userId === userId)
  return named.flatMap(({ sessionId }) => sessionId ?? [])
}

function actorOf({ event }: RecentEvent): Pick<RecentEvent, 'userId' | 'sessionId'> {
  const { actor } = event as { readonly actor?: string | Actor | null }
  return typeof actor === 'string' ? { userId: actor, sessionId: null } : (actor ?? NOBODY)
}

const NOBODY = { userId: null, sessionId: null }

const zero = (): Record<Counted, number> => ({ refreshed: 0, created: 0, ended: 0, reused: 0 })
