import { StoreUnavailableError } from '../../portable/errors.ts'
import { sqlState } from '../../portable/sql-state.ts'
import { within } from '../../portable/within.ts'
import { reportBackgroundError } from '../observability/background-errors.ts'
import type { Events } from '../observability/events.ts'
import type { ResolvedOptions } from '../options/resolve.ts'
import type { Listener, ListenFailure, Store } from '../store.ts'
import type { Clock } from '../time/clock.ts'
import { delay } from '../time/delay.ts'
import { type Heartbeat, startHeartbeat } from '../time/heartbeat.ts'
import { type Background, repeat } from '../time/repeat.ts'
import { createAnnouncements } from './announcements.ts'
import { createNotifier } from './notifier.ts'
import { createPoller } from './poller.ts'
import type { Revocations } from './revocations.ts'

/** While LISTEN delivers, polls only find changes without a notification, of a process that crashed for example. */
const LISTENING_POLL_INTERVAL = 30_000
/** A message to this process that takes longer counts as lost. */
const PING_TIMEOUT = 1000
const UNANNOUNCED: ListenFailure = {
  kind: 'unannounced',
  error: new Error(
    'A poll found a change by another process that no notification had announced. LISTEN probably reaches only one of ' +
      'several servers: connect all processes to the same one, or set `listen: false`. Another program that writes without NOTIFY, or a ' +
      'process that stopped between its write and its notification, has the same effect.',
  ),
}

/** Keeps {@link Revocations} current. Polling is sufficient; LISTEN makes the process poll at once. */
export interface Feed {
  /**
   * Reads all revocations. With `onStale: 'serve'` an outage is reported, and the next tick tries again.
   * @throws StoreUnavailableError with `onStale: 'refuse'`
   */
  load(): Promise<void>
  /** Starts to listen and to poll by timers. Not with `serverless`. */
  start(): void
  /** Polls, unless LISTEN makes that unnecessary, and reports a stale feed. Never rejects. */
  tick(): Promise<void>
  /**
   * Makes the other processes poll. This process must already have added the change itself. Does not wait and does
   * not fail: without the notification they poll a little later.
   */
  notifyPeers(): void
  /**
   * Runs a write that ends or changes sessions. If it fails, it may have been committed: the next tick re-reads recent
   * changes and makes the other processes do so.
   */
  trackWrite<T>(write: () => Promise<T>): Promise<T>
  /**
   * After the process did not run for a while, revocations may be waiting: resolves when a poll has read them, or after
   * `catchUpTimeout`. `null` if there is nothing to wait for. Never rejects.
   */
  catchUp(): Promise<void> | null
  /** Resolves when the notifications are sent; `null` if none is being sent. */
  settled(): Promise<void> | null
  /** Whether notifications reach this process, as far as it knows those of every process. */
  readonly listening: boolean
  /** Why notifications do not reach this process, in words; `null` if they do, or if the store has none. */
  readonly problem: string | null
  /** Whether the store has delivered a notification. */
  readonly canNotify: boolean
  /** Milliseconds since all revocations were read. */
  readonly staleness: number
  /** The number of messages of other programs on the channel. */
  readonly foreign: number
  stop(): Promise<void>
}

/** A missing right does not pass by itself, unlike an outage. */
function mayPass(error: unknown): boolean {
  return error instanceof StoreUnavailableError && !sqlState(error.cause)?.startsWith('42')
}

export function createFeed(
  store: Pick<Store, 'listen' | 'notify' | 'local'>,
  clock: Clock,
  events: Events,
  revocations: Revocations,
  options: Pick<ResolvedOptions, 'revocation' | 'telemetry' | 'serverless'>,
): Feed {
  const stopping = new AbortController()
  const { signal } = stopping
  const { pollInterval, maxStaleness, catchUpTimeout } = options.revocation
  const listeningPollInterval = Math.min(LISTENING_POLL_INTERVAL, maxStaleness / 2)
  let listener: Listener | null = null
  let ticks: Background | null = null
  /** `null` until the first ping. */
  let listening: boolean | null = null
  /** The kinds of failure of LISTEN that were reported since it last worked. */
  const reported = new Set<string>()
  let seenFailure: ListenFailure | null = null
  /** Whether the last poll succeeded. */
  let polled = true
  /** Whether the last ping arrived. */
  let delivers = false
  /** A write that failed may have been committed, and nobody has announced it. */
  let unannounced = false
  let stale = false
  let foreign = 0
  let writing = 0
  /** Whether a poll reads what was committed before LISTEN took effect or while the process did not run. */
  let readsMissed = false
  let heartbeat: Heartbeat | null = null
  let catchingUp: Promise<void> | null = null
  /** All changes until then have been read. */
  let currentAt = clock.now()

  const announcements = createAnnouncements()
  const poller = createPoller(revocations, clock, events, options, signal, markCurrent, onFound)
  const notifier = createNotifier(
    () => (listener ?? store).notify(),
    events,
    signal,
    options.serverless === null,
  )

  function markCurrent(at: number): void {
    if (stale) {
      stale = false
      events.emit('feedCaughtUp', { seconds: staleness() / 1000 })
    }
    // A poll that hung may end after a later one.
    if (at > currentAt || clock.now() < currentAt) currentAt = at
  }

  function onFound(changedAt: number): void {
    // A change of this process, whose write has not returned yet, is not to be taken for one of another.
    if (writing === 0 && !readsMissed) announcements.found(changedAt, clock.now())
  }

  // An injected clock may be set back, which does not make the feed stale.
  const staleness = (): number => Math.max(0, clock.now() - currentAt)

  async function tick(): Promise<void> {
    await checkListening()
    const failure = newFailure()
    const polledBefore = polled
    const retryDepth = poller.retryDepth
    if (retryDepth !== null || listening !== true || poller.elapsed >= listeningPollInterval) {
      // Without timers a tick comes with a request, perhaps after a freeze.
      await (options.serverless === null ? poller.poll : poller.pollAfresh)(retryDepth ?? 'overlap')
      endReadingMissed()
    }
    polled = poller.retryDepth === null
    if (polled && unannounced) {
      unannounced = false
      notifier.notify()
    }
    // In an outage of the database LISTEN fails for ever other reasons, and `storeUnavailable` reports the outage.
    if (failure !== null && listening === false && polledBefore && polled) reportPolling(failure)
    const age = staleness()
    if (!stale && age > maxStaleness) {
      stale = true
      events.emit('feedStale', { seconds: age / 1000 })
    }
  }

  async function checkListening(): Promise<void> {
    if (listener === null) return
    delivers = await listener.ping(PING_TIMEOUT)
    setListening(delivers && announcements.isComplete(clock.now()))
  }

  function setListening(value: boolean): void {
    if (value === listening || signal.aborted) return
    // While the first attempt to connect is under way, there is nothing to report yet.
    if (!value && listening === null && failureOfListen() === null) return
    listening = value
    if (value) {
      reported.clear()
      events.emit('feedListening', {})
    } else {
      seenFailure = failureOfListen() ?? null
      reportPolling(seenFailure)
    }
  }

  function failureOfListen(): ListenFailure | null | undefined {
    const failure = listener?.failure
    return failure == null && !announcements.isComplete(clock.now()) ? UNANNOUNCED : failure
  }

  /** The failure of LISTEN, if it is another one than at the last call. */
  function newFailure(): ListenFailure | null {
    const failure = failureOfListen() ?? null
    if (failure === seenFailure) return null
    seenFailure = failure
    return failure
  }

  /** Once for each kind of failure, not for each attempt. */
  function reportPolling(failure: ListenFailure | null): void {
    const kind = failure?.kind ?? ''
    if (reported.has(kind) || signal.aborted) return
    reported.add(kind)
    events.emit('feedPolling', { error: failure?.error ?? null })
  }

  function startCatchingUp(): Promise<void> {
    catchingUp ??= within(catchUpTimeout, readMissed, () => {}).finally(() => {
      catchingUp = null
    })
    return catchingUp
  }

  /** What was missed stays so until a poll succeeds. */
  function endReadingMissed(): void {
    if (!readsMissed || poller.retryDepth !== null) return
    readsMissed = false
    announcements.restart()
  }

  async function readMissed(): Promise<void> {
    readsMissed = true
    // Timers that were due run first: the pool closes connections that were idle for too long and may be dead.
    await delay(1, signal)
    // If the machine slept, this process's clock is behind until it is measured.
    await Promise.all([clock.synchronize().catch(() => {}), poller.pollAfresh('overlap')])
    endReadingMissed()
  }

  async function onConnected(): Promise<void> {
    // Notifications sent before LISTEN took effect are lost, so a full read follows.
    readsMissed = true
    await poller.poll('all')
    endReadingMissed()
    await checkListening()
  }

  function onChange(sender: 'process' | 'unknown' = 'unknown'): void {
    announcements.heard(sender, clock.now())
    void poller.poll('recent')
  }

  function onForeign(): void {
    foreign++
    announcements.heard('unknown', clock.now())
    // A later release may have sent it. The next tick polls, so that a flood causes few polls.
    poller.retry('overlap')
    // At powers of two: the other program may send many.
    if (Number.isInteger(Math.log2(foreign))) events.emit('feedForeign', { total: foreign })
  }

  return {
    async load() {
      try {
        await revocations.poll('all')
      } catch (error) {
        if (options.revocation.onStale === 'refuse' || !mayPass(error)) throw error
        polled = false
        poller.retry('all')
        // Stale from the start: other services must not take the empty list for a complete one.
        currentAt = clock.now() - maxStaleness - 1
        reportBackgroundError(events, 'poll', error)
      }
    },
    start() {
      ticks = repeat(pollInterval, tick)
      if (catchUpTimeout > 0 && store.local !== true) heartbeat = startHeartbeat(() => void startCatchingUp())
      listener = store.listen({
        onChange,
        onConnected: () => void onConnected(),
        onForeign,
      })
      // Without pings, only a notification shows whether the store can send one.
      if (listener === null) void notifier.probe()
    },
    tick,
    notifyPeers: notifier.notify,
    settled: notifier.settled,
    async trackWrite(write) {
      writing++
      try {
        return await write()
      } catch (error) {
        poller.retry('overlap')
        announcements.excuse(clock.now())
        unannounced = true
        throw error
      } finally {
        writing--
      }
    },
    catchUp: () => catchingUp ?? (heartbeat?.hasPaused() === true ? startCatchingUp() : null),
    get listening() {
      return listening === true
    },
    get problem() {
      const failure = listening === false ? failureOfListen() : null
      return failure == null || failure.kind === 'unsupported' ? null : failure.error.message
    },
    get canNotify() {
      return notifier.canNotify || delivers
    },
    get staleness() {
      return staleness()
    },
    get foreign() {
      return foreign
    },
    async stop() {
      stopping.abort()
      heartbeat?.stop()
      await Promise.all([ticks?.stop(), listener?.close(), notifier.settled(), poller.settled()])
    },
  }
}
