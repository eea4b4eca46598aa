import { reportBackgroundError } from '../observability/background-errors.ts'
import type { Events } from '../observability/events.ts'
import type { ResolvedOptions } from '../options/resolve.ts'
import type { Clock } from '../time/clock.ts'
import { delay } from '../time/delay.ts'
import type { PollDepth, Revocations } from './revocations.ts'

/** A rest follows each poll, so that under a stream of notifications polls take at most a fifth of the time. */
const REST_FACTOR = 4
const DEPTHS: readonly PollDepth[] = ['recent', 'overlap', 'all']

/** Reads revocations, one poll at a time. */
export interface Poller {
  /** Requests made during a poll are combined in the next one. Resolves after it; never rejects. */
  poll(depth: PollDepth): Promise<void>
  /**
   * Polls without waiting for one that runs: that one may hang on a connection that died while the process did not run.
   * Never rejects.
   */
  pollAfresh(depth: PollDepth): Promise<void>
  /** Requests a poll with the next tick. */
  retry(depth: PollDepth): void
  /** The depth of a poll that failed or was requested by `retry`; `null` for none. */
  readonly retryDepth: PollDepth | null
  /** Milliseconds since the last poll began that read more than the recent changes. */
  readonly elapsed: number
  /** Resolves when no poll is running. */
  settled(): Promise<void>
}

/**
 * @param onRead called after each poll with the time up to which all changes have been read
 * @param onFound called with the time of each change of another process
 */
export function createPoller(
  revocations: Pick<Revocations, 'poll'>,
  clock: Clock,
  events: Events,
  options: Pick<ResolvedOptions, 'revocation' | 'telemetry'>,
  signal: AbortSignal,
  onRead: (at: number) => void,
  onFound: (changedAt: number) => void,
): Poller {
  let polling: Promise<void> | null = null
  let requestedDepth: PollDepth | null = null
  let retryDepth: PollDepth | null = null
  /** By elapsed time. */
  let polledAt = performance.now()

  function poll(depth: PollDepth): Promise<void> {
    requestedDepth = deeper(requestedDepth, depth)
    polling ??= pollRequested().finally(() => {
      polling = null
      // Requested after the loop ended.
      if (requestedDepth !== null && !signal.aborted) void poll(requestedDepth)
    })
    return polling
  }

  async function pollRequested(): Promise<void> {
    while (requestedDepth !== null && !signal.aborted) {
      const depth: PollDepth = requestedDepth
      requestedDepth = null
      const startedAt = performance.now()
      await pollOnce(depth)
      if (requestedDepth !== null) {
        const rest = REST_FACTOR * (performance.now() - startedAt)
        await delay(Math.min(options.revocation.pollInterval, rest), signal)
      }
    }
  }

  async function pollOnce(depth: PollDepth): Promise<void> {
    const readAt = clock.now()
    const startedAt = performance.now()
    try {
      await options.telemetry.trace('poll', () => revocations.poll(depth, onFound))
      retryDepth = null
      onRead(readAt)
      if (depth !== 'recent') polledAt = startedAt
    } catch (error) {
      // The notification does not come again, so the next tick must poll.
      retryDepth = deeper(retryDepth, deeper(requestedDepth, depth))
      requestedDepth = null
      if (!signal.aborted) reportBackgroundError(events, 'poll', error)
    }
  }

  return {
    poll,
    pollAfresh: pollOnce,
    retry(depth) {
      retryDepth = deeper(retryDepth, depth)
    },
    get retryDepth() {
      return retryDepth
    },
    get elapsed() {
      return performance.now() - polledAt
    },
    settled: async () => void (await polling),
  }
}

function deeper(one: PollDepth | null, other: PollDepth): PollDepth {
  return one !== null && DEPTHS.indexOf(one) > DEPTHS.indexOf(other) ? one : other
}
