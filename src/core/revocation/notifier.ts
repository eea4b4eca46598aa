import { reportBackgroundError } from '../observability/background-errors.ts'
import type { Events } from '../observability/events.ts'
import { delay } from '../time/delay.ts'

/** At most one notification is sent per this many milliseconds. */
const INTERVAL = 50
/** A failed notification is sent again after this many milliseconds. */
const RETRY_AFTER = 1000

/** Sends notifications to the other processes, in the background and not too often. */
export interface Notifier {
  notify(): void
  /** Sends one notification, only to find out whether the store can. Never rejects. */
  probe(): Promise<void>
  /** Whether the store has accepted a notification. */
  readonly canNotify: boolean
  /** Resolves when nothing is being sent; `null` if nothing is. */
  settled(): Promise<void> | null
}

/**
 * @param signal on abort, a pending notification gets one more attempt and is then dropped
 * @param rests whether it pauses between notifications and sends a failed one again, both by timers
 */
export function createNotifier(
  send: () => Promise<boolean>,
  events: Events,
  signal: AbortSignal,
  rests = true,
): Notifier {
  let sending: Promise<void> | null = null
  let pending = false
  let canNotify = false

  async function sendPending(): Promise<void> {
    do {
      pending = false
      try {
        canNotify = await send()
        if (rests) await delay(INTERVAL, signal)
      } catch (error) {
        reportBackgroundError(events, 'notify', error)
        if (signal.aborted || !rests) return
        pending = true
        await delay(RETRY_AFTER, signal)
      }
    } while (pending)
  }

  function notify(): void {
    pending = true
    sending ??= sendPending().finally(() => {
      sending = null
      if (pending && !signal.aborted) notify()
    })
  }

  return {
    notify,
    async probe() {
      canNotify = await send().catch(() => canNotify)
    },
    get canNotify() {
      return canNotify
    },
    settled: () => sending,
  }
}
