import type { Events } from '../observability/events.ts'
import type { ResolvedOptions } from '../options/resolve.ts'
import type { Listener, Store } from '../store.ts'
import type { Clock } from '../time/clock.ts'
import { pause } from '../time/pause.ts'
import { type Background, repeat } from '../time/repeat.ts'
import type { Reach, Revocations } from './revocations.ts'

/** While LISTEN delivers, polling only makes up for what was never told: by a process that died, say. */
const LISTENING_POLL = 30_000
/** A message to ourselves that takes longer is lost. */
const PING_WITHIN = 1000
/** At most one notification goes out in so many milliseconds. */
const TELL_EVERY = 50
/** Under a stream of notifications polling takes at most a fifth of the time. */
const REST = 4
/** A notification that could not be sent is sent again after this. */
const TELL_AGAIN = 1000
const REACHES: readonly Reach[] = ['news', 'overlap', 'all']

/**
 * Keeps {@link Revocations} up to date: right by polling on its own, and fast by LISTEN, which never does
 * more than have a process poll at once.
 */
export interface Feed {
  start(): void
  /**
   * Has the other processes look; this one has learned already what it tells of, so that where there is no
   * other, nobody reads. Never waits, never fails: they look anyway, a little later.
   */
  tell(): void
  /** Has this process read again what a write of its own may have done. */
  doubt(): void
  /** Whether a notification would arrive here. */
  readonly listening: boolean
  /** Whether the store has been seen to pass notifications on. */
  readonly canTell: boolean
  /** Milliseconds since this process last knew of every revocation. */
  readonly staleness: number
  /** How many messages on the channel were not ours. */
  readonly foreign: number
  stop(): Promise<void>
}

export function createFeed(
  store: Pick<Store, 'listen' | 'notify'>,
  clock: Clock,
  events: Events,
  revocations: Revocations,
  options: Pick<ResolvedOptions, 'revocation' | 'telemetry'>,
): Feed {
  const stopping = new AbortController()
  let listener: Listener | null = null
  let ticks: Background | null = null
  /** `null` until it is known. */
  let listening: boolean | null = null
  let stale = false
  let foreign = 0
  let canTell = false
  /** When everything was read last; the caller of `start` has polled. */
  let knownAt = clock.now()
  /** By elapsed time. */
  let polledAt = performance.now()
  let wanted: Reach | null = null
  /** What a poll that failed has left undone. */
  let owed: Reach | null = null
  const pollEvery = Math.min(LISTENING_POLL, options.revocation.maxStaleness / 2)
  let polling: Promise<void> | null = null

  /** One poll at a time: what is asked for meanwhile is done by the next, as far back as anyone asked for. */
  function poll(reach: Reach): Promise<void> {
    wanted = further(wanted, reach)
    polling ??= pollWhileWanted().finally(() => {
      polling = null
      // Asked for after the last look at what is wanted.
      if (wanted !== null && !stopping.signal.aborted) void poll(wanted)
    })
    return polling
  }

  async function pollWhileWanted(): Promise<void> {
    while (wanted !== null && !stopping.signal.aborted) {
      const reach: Reach = wanted
      wanted = null
      const knownThen = clock.now()
      const startedAt = performance.now()
      try {
        await options.telemetry.trace('poll', () => revocations.poll(reach))
        owed = null
        know(knownThen)
        if (reach !== 'news') polledAt = startedAt
      } catch (error) {
        // The notification is used up, so the next tick must poll, whether LISTEN delivers or not.
        owed = further(owed, further(wanted, reach))
        wanted = null
        if (!stopping.signal.aborted) events.emit('storeUnavailable', { operation: 'poll', error })
      }
      if (wanted !== null) {
        const rest = Math.min(options.revocation.pollInterval, REST * (performance.now() - startedAt))
        await pause(rest, stopping.signal)
      }
    }
  }

  async function tick(): Promise<void> {
    if (listener !== null) hear(await listener.ping(PING_WITHIN))
    if (owed !== null || listening !== true || performance.now() - polledAt >= pollEvery)
      await poll(owed ?? 'overlap')
    const late = staleness()
    if (!stale && late > options.revocation.maxStaleness) {
      stale = true
      events.emit('feedStale', { seconds: late / 1000 })
    }
  }

  function know(at: number): void {
    if (stale) {
      stale = false
      events.emit('feedCaughtUp', { seconds: staleness() / 1000 })
    }
    knownAt = at
  }

  function hear(now: boolean): void {
    if (now === listening || stopping.signal.aborted) return
    listening = now
    events.emit(now ? 'feedListening' : 'feedPolling', {})
  }

  async function onConnected(): Promise<void> {
    // What was told before LISTEN took effect is lost, and what could be seen only later with it.
    await poll('all')
    if (listener !== null) hear(await listener.ping(PING_WITHIN))
  }

  // A clock of the application's own may be set back, which makes nothing stale.
  const staleness = (): number => Math.max(0, clock.now() - knownAt)

  let telling: Promise<void> | null = null
  let tellAgain = false
  async function tellWhileAsked(): Promise<void> {
    do {
      tellAgain = false
      try {
        canTell = await (listener ?? store).notify()
        await pause(TELL_EVERY, stopping.signal)
      } catch (error) {
        events.emit('storeUnavailable', { operation: 'notify', error })
        if (stopping.signal.aborted) return
        tellAgain = true
        await pause(TELL_AGAIN, stopping.signal)
      }
    } while (tellAgain)
  }

  function tell(): void {
    tellAgain = true
    telling ??= tellWhileAsked().finally(() => {
      telling = null
      if (tellAgain && !stopping.signal.aborted) tell()
    })
  }

  return {
    start() {
      ticks = repeat(options.revocation.pollInterval, tick)
      listener = store.listen({
        onChange: () => void poll('news'),
        onConnected: () => void onConnected(),
        onForeign() {
          foreign++
          // Whoever speaks there may speak a lot.
          if (Number.isInteger(Math.log2(foreign))) events.emit('feedForeign', { total: foreign })
        },
      })
      // Shows whether the store passes messages on, where no pings do.
      if (listener === null)
        store.notify().then(
          (can) => {
            canTell = can
          },
          () => {},
        )
    },
    tell,
    doubt() {
      owed = further(owed, 'overlap')
    },
    get listening() {
      return listening === true
    },
    get canTell() {
      return canTell || listening === true
    },
    get staleness() {
      return staleness()
    },
    get foreign() {
      return foreign
    },
    async stop() {
      stopping.abort()
      await Promise.all([ticks?.stop(), listener?.close(), telling, polling])
    },
  }
}

/** The one that reads more. */
function further(one: Reach | null, other: Reach): Reach {
  return one !== null && REACHES.indexOf(one) > REACHES.indexOf(other) ? one : other
}
